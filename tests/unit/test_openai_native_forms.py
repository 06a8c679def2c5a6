"""Answers and streams of other APIs are read as chat completions are, whole and streamed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.openai.native_forms import to_completion
from aether.adapters.openai.replies import make_reply
from aether.adapters.openai.streaming import StreamedCompletion
from aether.domain.job import Usage
from aether.workflows.llm.ports import Reply

Json = dict[str, Any]  # Any: JSON

WHOLE: dict[str, Json] = {
    "Anthropic": {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "I plan."}, {"type": "text", "text": "Rome"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 3},
    },
    "Responses": {
        "object": "response",
        "status": "completed",
        "error": None,
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I plan."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Rome"}]},
        ],
        "usage": {"input_tokens": 7, "output_tokens": 3},
    },
    "Google": {
        "candidates": [
            {"content": {"parts": [{"text": "I plan.", "thought": True}, {"text": "Rome"}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
    },
    "Bedrock": {
        "output": {"message": {"role": "assistant", "content": [{"text": "Rome"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 7, "outputTokens": 3},
    },
}
STREAMS: dict[str, list[Json]] = {
    "Anthropic": [
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "I plan."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqQB"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Ro"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "me"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ],
    "Responses": [
        {"type": "response.created", "response": {"object": "response", "status": "in_progress", "output": []}},
        {"type": "response.reasoning_summary_text.delta", "delta": "I plan."},
        {"type": "response.reasoning_summary_text.done", "text": "I plan."},
        {"type": "response.output_text.delta", "delta": "Ro"},
        {"type": "response.output_text.delta", "delta": "me"},
        {"type": "response.output_text.done", "text": "Rome"},
        {"type": "response.completed", "response": WHOLE["Responses"]},
    ],
    "Google": [
        {"candidates": [{"content": {"parts": [{"text": "Ro"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "me"}]}, "finishReason": "STOP"}]},
        {"candidates": [], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}},
    ],
    "Cohere": [
        {"type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "delta": {"message": {"content": {"thinking": "I plan.", "type": "thinking"}}}},
        {"type": "content-delta", "delta": {"message": {"content": {"text": "Ro"}}}},
        {"type": "content-delta", "delta": {"message": {"content": {"text": "me"}}}},
        {
            "type": "message-end",
            "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 7, "output_tokens": 3}}},
        },
    ],
}


def stream(events: list[Json]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (b"x", json.dumps(event).encode()) for event in events)


async def receive(body: bytes, *, wants_json: bool = False) -> tuple[Reply, str]:
    """Return the reply, and what was passed on."""
    received: list[str] = []
    completion = StreamedCompletion(received.append)
    await completion.feed(body)
    return make_reply(await completion.answer(), completion.thinking, wants_json=wants_json), "".join(received)


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
async def test_a_whole_answer_of_another_api_is_read(body: Json) -> None:
    reply, received = await receive(json.dumps(body).encode())

    assert (reply, received) == (Reply("Rome", cut_off=False, usage=Usage(1, 7, 3)), "Rome")


@pytest.mark.parametrize("events", STREAMS.values(), ids=STREAMS)
async def test_a_stream_of_another_api_is_read(events: list[Json]) -> None:
    reply, received = await receive(stream(events))

    assert (reply, received) == (Reply("Rome", cut_off=False, usage=Usage(1, 7, 3)), "Rome")


async def test_a_stream_of_google_may_be_one_list() -> None:
    reply, _ = await receive(json.dumps(STREAMS["Google"]).encode())

    assert reply.text == "Rome"


@pytest.mark.parametrize(
    ("body", "cut_off", "refusal"),
    [
        (WHOLE["Anthropic"] | {"stop_reason": "max_tokens"}, True, None),
        (WHOLE["Anthropic"] | {"stop_reason": "model_context_window_exceeded"}, True, None),
        (WHOLE["Anthropic"] | {"stop_reason": "pause_turn"}, True, None),
        (
            WHOLE["Responses"] | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            True,
            None,
        ),
        (WHOLE["Bedrock"] | {"stopReason": "guardrail_intervened"}, False, "its content filter stopped the answer."),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, False, "its content filter stopped the answer."),
        (
            {
                "object": "response",
                "status": "completed",
                "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}],
            },
            False,
            "No.",
        ),
    ],
)
async def test_its_end_means_the_same(body: Json, *, cut_off: bool, refusal: str | None) -> None:
    reply, _ = await receive(json.dumps(body).encode())

    assert (reply.cut_off, reply.refusal) == (cut_off, refusal)


async def test_the_arguments_of_a_tool_are_the_json_that_was_asked_for() -> None:
    events: list[Json] = [
        {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "json", "input": {}}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": '{"sections"'}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": ': ["Rise"]}'}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ]
    reply, _ = await receive(stream(events), wants_json=True)

    assert reply.text == '{"sections": ["Rise"]}'


@pytest.mark.parametrize(
    "events",
    [
        [*STREAMS["Anthropic"][:8], {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}],
        [{"type": "response.failed", "response": {"status": "failed", "error": {"code": "x", "message": "Busy"}}}],
    ],
)
async def test_its_errors_are_found(events: list[Json]) -> None:
    completion = StreamedCompletion()
    await completion.feed(stream(events))
    answer = await completion.answer()

    assert answer.error is not None
    assert answer.error.message == "Busy"


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "delta"]), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["delta", "message", "content", "content_block", "response", "output", "candidates", "usage", "usageMetadata"]
)


@given(
    st.sampled_from(
        ["message_start", "content_block_delta", "message_delta", "response.completed", "content-delta", "message-end"]
    )
    | st.none(),
    st.dictionaries(KEYS, VALUES, max_size=4),
)
async def test_no_shape_of_json_makes_it_fail(kind: str | None, body: Json) -> None:
    assert isinstance(to_completion(body | {"type": kind}), dict)
