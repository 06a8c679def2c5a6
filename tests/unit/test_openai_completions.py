import json
from typing import Any

import pytest

from aether.adapters.openai.answers import MAX_TEXT
from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.finish_reasons import ending_of
from aether.adapters.openai.replies import make_reply, remove_thinking
from aether.domain.job import Usage
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Reply

OUTLINE = '{"sections": [{"title": "Rise", "covers": "How it began."}]}'


async def reply_to(body: object, *, wants_json: bool = False) -> Reply:
    """Return the reply for the body of an answer: JSON, or bytes as they are."""
    answer = await parse_completion(body if isinstance(body, bytes) else json.dumps(body).encode())
    return make_reply(answer, await remove_thinking(answer, holds=False), wants_json=wants_json)


def completion(message: dict[str, Any], finish_reason: str | None = "stop", **fields: Any) -> dict[str, Any]:  # JSON
    return {"choices": [{"message": message, "finish_reason": finish_reason}], **fields}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("12", 12),
        ("12.0", 12),
        ("null", 0),
        ("0", 0),
        ("-5", 0),
        ("1e308", 2**40),
        ("9" * 30, 2**40),
        ('"12"', 12),
        ('"many"', 0),
        ("[]", 0),
        ("NaN", 0),
    ],
)
async def test_reported_tokens_become_a_number_that_can_be_added_up(reported: str, expected: int) -> None:
    body = json.dumps(completion({"content": "Rome"}, usage={"prompt_tokens": "REPORTED"}))

    assert (await reply_to(body.replace('"REPORTED"', reported).encode())).usage == Usage(1, expected, 0)


PLACES: dict[str, dict[str, Any]] = {
    "parts": completion({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Rome"}]}),
    "two parts": completion({"content": [{"type": "text", "text": "Ro"}, {"type": "text", "text": "me"}]}),
    "a part": completion({"content": {"type": "text", "text": "Rome"}}),
    "parts of Mistral": completion(
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "Rome"},
            ]
        }
    ),
    "output text": completion({"content": [{"type": "output_text", "text": "Rome", "annotations": []}]}),
    "text with a value": completion({"content": [{"type": "text", "text": {"value": "Rome"}}]}),
    "strings": completion({"content": ["Ro", "me"]}),
    "parts without a type": completion({"content": [{"text": "Rome"}]}),
    "an image beside it": completion({"content": [{"type": "image_url", "image_url": {"url": "x"}}, {"text": "Rome"}]}),
    "a delta": {"choices": [{"delta": {"content": "Rome"}, "finish_reason": "stop"}]},
    "an old completion": {"choices": [{"text": "Rome", "finish_reason": "stop"}]},
    "Ollama": {"message": {"role": "assistant", "content": "Rome"}, "done": True, "done_reason": "stop"},
    "two choices": {"choices": [{"message": {"content": "Rome"}}, {"message": {"content": "Paris"}}]},
    "an empty error": completion({"content": "Rome"}, error=None),
    "an error that is empty": completion({"content": "Rome"}, error={}),
    "Anthropic": {"type": "message", "content": [{"type": "text", "text": "Rome"}], "stop_reason": "end_turn"},
    "a list": completion({"content": "Rome", "tool_calls": [], "reasoning": "Hm."}, service_tier=None),
}


@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
async def test_the_text_is_read_where_it_stands(body: dict[str, Any]) -> None:  # Any: JSON
    reply = await reply_to(body | {"usage": {"prompt_tokens": 9, "completion_tokens": 3}})

    assert (reply.text, reply.refusal, reply.defect) == ("Rome", None, None)
    assert reply.usage == Usage(1, 9, 3)


HALF = "Rome was not built in"
PART = {"type": "text", "text": HALF}
CUT_OFF: dict[str, dict[str, Any]] = {
    "Anthropic": {"type": "message", "content": [PART], "stop_reason": "max_tokens"},
    "Cohere": {"message": {"content": [PART]}, "finish_reason": "MAX_TOKENS"},
    "Ollama": {"message": {"content": HALF}, "done_reason": "length"},
    "the choice": {"choices": [{"message": {"content": HALF}, "stop_reason": "max_tokens"}]},
    "details": {
        "choices": [{"message": {"content": HALF}, "finish_reason": None, "finish_details": {"type": "max_tokens"}}]
    },
    "the provider's reason": {
        "choices": [{"message": {"content": HALF}, "finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}]
    },
    "the provider's reason alone": {"choices": [{"message": {"content": HALF}, "native_finish_reason": "length"}]},
    "a number": {"choices": [{"message": {"content": HALF}, "finish_reason": 2}]},
    "the body": {"choices": [{"message": {"content": HALF}, "finish_reason": None}], "stop_reason": "max_tokens"},
    "the body, and nothing in the choice": {"choices": [{"message": {"content": HALF}}], "finish_reason": "length"},
}


@pytest.mark.parametrize("body", CUT_OFF.values(), ids=CUT_OFF)
async def test_it_is_read_wherever_it_stands_that_a_text_was_cut_off(body: dict[str, Any]) -> None:  # Any: JSON
    reply = await reply_to(body)

    assert (reply.text, reply.cut_off, reply.refusal, reply.defect) == (HALF, True, None, None)


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": "stop", "native_finish_reason": "STOP"},
        {"finish_reason": "stop", "native_finish_reason": "OTHER"},
        {"finish_reason": "stop", "native_finish_reason": None, "finish_details": None},
        {"finish_reason": "stop", "stop_reason": "the limit of the text"},
        {"finish_reason": None, "stop_reason": 2},
        {"finish_reason": 1},
        {"finish_reason": 0},
        {"finish_reason": "null", "finish_details": {"type": "stop", "stop": "<|im_end|>"}},
        {"finish_reason": True, "finish_details": "max_tokens"},
    ],
)
async def test_a_text_that_has_its_end_was_not_cut_off(choice: dict[str, Any]) -> None:  # Any: JSON
    reply = await reply_to({"choices": [{"message": {"content": "Rome."}, **choice}]})

    assert (reply.text, reply.cut_off, reply.refusal, reply.defect) == ("Rome.", False, None, None)


@pytest.mark.parametrize("order", [1, -1])
async def test_the_answer_is_the_choice_with_the_first_index(order: int) -> None:
    choices = [{"index": at, "message": {"content": city}} for at, city in enumerate(("Rome", "Paris"))]

    assert (await reply_to({"choices": choices[::order]})).text == "Rome"


async def test_a_single_choice_is_the_answer_whatever_its_index() -> None:
    assert (await reply_to({"choices": [{"index": 1, "message": {"content": "Rome"}}]})).text == "Rome"


async def test_a_text_with_a_token_of_its_end_was_not_cut_off_behind_it() -> None:
    reply = await reply_to(completion({"content": "Rome fell.<|im_end|>\n<|im_start|>user\nMore ab"}, "length"))

    assert (reply.text, reply.cut_off) == ("Rome fell.", False)


JSON_PLACES: dict[str, dict[str, Any]] = {
    "reasoning content": {"content": "", "reasoning_content": OUTLINE},
    "no content": {"content": None, "reasoning_content": OUTLINE},
    "reasoning": {"content": "\n", "reasoning": f"I plan.\n{OUTLINE}"},
    "a tool": {"content": None, "tool_calls": [{"function": {"name": "json", "arguments": OUTLINE}}]},
    "a tool with an object": {"tool_calls": [{"function": {"arguments": json.loads(OUTLINE)}}]},
    "a function": {"content": "", "function_call": {"name": "json", "arguments": OUTLINE}},
    "parsed": {"content": None, "parsed": json.loads(OUTLINE)},
    "an object": {"content": json.loads(OUTLINE)},
    "only thoughts": {"content": f"<think>{OUTLINE}</think>"},
    "before the end of a thought": {"content": f"{OUTLINE}\n</think>"},
}


@pytest.mark.parametrize("message", JSON_PLACES.values(), ids=JSON_PLACES)
async def test_json_that_was_asked_for_is_read_where_it_stands(message: dict[str, Any]) -> None:  # Any: JSON
    text = (await reply_to(completion(message), wants_json=True)).text

    assert json.loads(text[text.index("{") : text.rindex("}") + 1]) == json.loads(OUTLINE)


async def test_a_draft_in_the_thinking_is_not_the_answer() -> None:
    draft = OUTLINE.replace("Rise", "Draft")

    assert (await reply_to(completion({"content": f"{draft}\n</think>\n{OUTLINE}"}), wants_json=True)).text == OUTLINE


@pytest.mark.parametrize(
    "message", [{"content": "", "reasoning_content": "I plan."}, {"content": "<think>Hm.</think>"}]
)
async def test_thinking_is_no_text(message: dict[str, str]) -> None:
    reply = await reply_to(completion(message))

    assert (reply.text, reply.defect) == ("", "it has only thinking, and no text")


@pytest.mark.parametrize(
    "message", [{"content": "<think>Hm"}, {"content": "", "reasoning": "Hm"}, {"content": ""}, {"content": None}]
)
async def test_a_limit_that_thinking_has_used_up_is_told(message: dict[str, str]) -> None:
    reply = await reply_to(completion(message, "length", usage={"completion_tokens": 99}))

    assert reply.cut_off
    assert "used up by thinking" in (reply.defect or "")
    assert "AETHER_MODEL_OPTIONS" in (reply.defect or "")


async def test_an_empty_answer_is_left_to_the_caller() -> None:
    assert await reply_to(completion({"content": ""})) == Reply("", cut_off=False, usage=Usage(1))


@pytest.mark.parametrize(
    ("finish_reason", "ending"),
    [(reason, "complete") for reason in ("stop", None, "", "eos", "end_turn", "STOP", "stop_sequence", "COMPLETE")]
    + [(reason, "complete") for reason in ("tool_calls", "function_call", "eos_token", "finished", "end_of_text")]
    + [(reason, "cut off") for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")]
    + [(reason, "cut off") for reason in ("token_limit", "truncated", "max_new_tokens", "incomplete")]
    + [(reason, "filtered") for reason in ("content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "sensitive")]
    + [(reason, "filtered") for reason in ("refusal", "guardrail_intervened", "BLOCKLIST", "SPII")]
    + [(reason, "failed") for reason in ("error", "network_error", "insufficient_system_resource", "abort", "OTHER")]
    + [(reason, "failed") for reason in ("cancelled", "timeout", "MALFORMED_FUNCTION_CALL", "server_shutdown")],
)
def test_every_finish_reason_has_a_meaning(finish_reason: str | None, ending: str) -> None:
    assert ending_of(finish_reason) == ending


async def test_an_answer_that_the_server_broke_off_is_unusable() -> None:
    reply = await reply_to(completion({"content": "Rome was"}, "error"))

    assert reply.defect == "the server broke it off (finish reason error)"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"choices":[{"message":{"content":"caf\xe9"}}]}', "caf\ufffd"),
        (b'\xef\xbb\xbf{"choices":[{"message":{"content":"Rome"}}]}', "Rome"),
        ('{"choices":[{"message":{"content":"é"}}]}'.encode("utf-16"), "é"),
        (b'{"choices":[{"message":{"content":"a\nb"}}]}', "a\nb"),
        (b'{"choices":[{"message":{"content":"a\\ud83d"}}]}', "a\ufffd"),
    ],
)
async def test_broken_bytes_do_not_cost_the_answer(body: bytes, text: str) -> None:
    assert (await reply_to(body)).text == text


@pytest.mark.parametrize("body", [b"", b"{", b"<html></html>", b"[]", b"{}", b'{"choices": 5}', b"null", b'"Rome"'])
async def test_what_is_no_completion_is_unusable(body: bytes) -> None:
    with pytest.raises(UnusableOutputError, match=r"no chat completion|no choices"):
        await reply_to(body)


async def test_a_text_beyond_all_bounds_is_cut() -> None:
    reply = await reply_to(completion({"content": "a" * 3 * MAX_TEXT}))

    assert (len(reply.text), reply.cut_off) == (MAX_TEXT, True)
