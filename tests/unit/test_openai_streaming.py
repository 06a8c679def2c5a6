import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.openai.answers import Answer
from aether.adapters.openai.replies import make_reply, remove_thinking
from aether.adapters.openai.streaming import StreamedCompletion
from aether.domain.job import Usage
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Reply

MARKUP = st.sampled_from(["<", "<think>", "</think>", "think>", "</", " ", "\n\n", "Rome", "é", ".", "[THINK]"])
TEXTS = st.lists(MARKUP | st.text(max_size=5), max_size=12).map("".join)
DONE = "[DONE]"


def chunk_with(content: object, finish_reason: str | None = None, **fields: object) -> str:
    return json.dumps({"choices": [{"delta": {"content": content}, "finish_reason": finish_reason}], **fields})


def delta(**fields: object) -> str:
    return json.dumps({"choices": [{"delta": fields}]})


def stream(*events: str, end: str = "\n") -> bytes:
    return "".join(f"data: {event}{end}{end}" for event in events).encode()


async def receive(pieces: Iterable[bytes], *, wants_json: bool = False) -> tuple[Reply, list[str]]:
    """Feed a stream in these pieces, and return the reply and the texts that were passed on."""
    received: list[str] = []
    completion = StreamedCompletion(received.append)
    for piece in pieces:
        await completion.feed(piece)
    return make_reply(await completion.answer(), completion.thinking, wants_json=wants_json), received


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(content) + 1) for place in places} | {0, len(content)})
    return [content[start:end] for start, end in pairwise(at)]


def split(text: str, places: Sequence[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 200)), st.lists(st.integers(0, 2_000)))
async def test_the_texts_passed_on_add_up_to_the_reply_however_the_stream_is_cut(
    text: str, tokens: list[int], packets: list[int]
) -> None:
    content = stream(*map(chunk_with, split(text, tokens)), chunk_with(None, "stop"), DONE)

    reply, received = await receive(cut(content, packets))

    whole = Answer(text, finish_reason="stop")
    assert reply == make_reply(whole, await remove_thinking(whole, holds=False), wants_json=False)
    assert "".join(received) == reply.text or "</think>" in text
    assert "" not in received


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_comments_other_fields_and_both_line_endings_are_understood(end: str) -> None:
    beside = f": ping{end}{end}event: message{end}id: 7{end}retry: 10{end}data:{end}data: {end}".encode()
    content = beside + stream(chunk_with("Rome"), end=end) + beside + stream(chunk_with("."), DONE, end=end)

    assert "".join((await receive([content]))[1]) == "Rome."


async def test_the_space_after_the_colon_and_the_last_blank_line_may_be_missing() -> None:
    reply, received = await receive([f"data:{chunk_with('Rome')}\n\ndata:{chunk_with(None, 'stop')}".encode()])

    assert (reply.text, "".join(received)) == ("Rome", "Rome")


async def test_usage_comes_in_a_chunk_of_its_own() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3.0}
    events = (
        chunk_with("Rome"),
        json.dumps({"choices": [], "usage": usage}),
        json.dumps({"choices": None, "usage": None}),
    )

    assert (await receive([stream(*events, DONE)]))[0].usage == Usage(1, 10, 3)


async def test_truncation_filters_and_refusals_are_reported_as_in_a_whole_completion() -> None:
    refusals = [json.dumps({"choices": [{"delta": {"refusal": piece}}]}) for piece in ("I", " cannot.")]

    assert (await receive([stream(chunk_with("Rome", "length"))]))[0].cut_off
    assert "content filter" in ((await receive([stream(chunk_with("Rome", "content_filter"))]))[0].refusal or "")
    assert (await receive([stream(*refusals, DONE)]))[0].refusal == "I cannot."
    assert "broke it off" in ((await receive([stream(chunk_with("Rome", "error"))]))[0].defect or "")


@pytest.mark.parametrize(
    "chunk",
    [
        "{}",
        '{"choices":[{}]}',
        '{"choices":[{"delta":null}]}',
        chunk_with(""),
        chunk_with(None, error=None),
        delta(role="assistant", content=None, tool_calls=[]),
        delta(reasoning_content="Hm."),
        delta(content=[{"type": "thinking", "thinking": "Hm."}]),
    ],
)
async def test_a_chunk_without_text_is_ignored(chunk: str) -> None:
    reply, received = await receive([stream(chunk, chunk_with("Rome"), chunk, DONE)])

    assert (reply.text, reply.defect, received) == ("Rome", None, ["Rome"])


@pytest.mark.parametrize(
    "event",
    [
        delta(content=[{"type": "text", "text": "Rome"}]),
        delta(content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Rome"}]),
        delta(content={"type": "text", "text": "Rome"}),
        '{"choices":[{"text":"Rome"}]}',
        '{"message":{"content":"Rome"}}',
        chunk_with("Rome", error={}),
        chunk_with("Rome", usage={"prompt_tokens": "many"}),
        json.dumps({"choices": [{"delta": {"content": "Rome"}}, {"delta": {"content": "Paris"}}]}),
    ],
)
async def test_a_piece_of_text_is_read_where_it_stands(event: str) -> None:
    assert (await receive([stream(event, DONE)]))[0].text == "Rome"


async def test_broken_bytes_are_replaced() -> None:
    content = stream(chunk_with("caf~"), DONE).replace(b"~", b"\xe9")

    assert (await receive([content]))[0].text == "caf\ufffd"


@pytest.mark.parametrize(
    "deltas",
    [
        [delta(reasoning_content='{"sections": '), delta(reasoning_content="[]}")],
        [delta(tool_calls=[{"function": {"name": "json", "arguments": piece}}]) for piece in ('{"sections": ', "[]}")],
        [delta(content="<think>"), delta(content='{"sections": []}'), delta(content="</think>")],
    ],
)
async def test_json_that_was_asked_for_is_read_where_it_stands(deltas: list[str]) -> None:
    assert (await receive([stream(*deltas, DONE)], wants_json=True))[0].text == '{"sections": []}'


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_whole_completion_instead_of_a_stream_is_passed_on_in_one_piece(indent: int | None) -> None:
    completion = {"choices": [{"message": {"content": "<think>Hm</think>Rome\nfell."}, "finish_reason": "stop"}]}
    content = b"\n" + json.dumps(completion, indent=indent).encode()

    reply, received = await receive(cut(content, [1, 2, 30]))

    assert (reply.text, received) == ("Rome\nfell.", ["Rome\nfell."])


async def test_a_stream_of_lines_of_json_is_understood() -> None:
    lines = (json.dumps({"message": {"content": piece}, "done": False}) for piece in ("Rome", " fell."))
    content = "\n".join((*lines, '{"done": true, "done_reason": "stop", "prompt_eval_count": 9}')).encode()

    reply, received = await receive([content])

    assert (reply.text, "".join(received)) == ("Rome fell.", "Rome fell.")
    assert reply.usage.input_tokens == 9


async def test_a_byte_order_mark_at_the_beginning_is_ignored() -> None:
    completion = json.dumps({"choices": [{"message": {"content": "Rome"}}]}).encode()

    assert (await receive([b"\xef\xbb\xbf" + completion]))[0].text == "Rome"


@pytest.mark.parametrize("end", [b"", b"data: {"])
async def test_a_stream_that_ends_without_a_finish_reason_is_incomplete(end: bytes) -> None:
    content = stream(chunk_with("Rome")) + end

    with pytest.raises((ModelUnreachableError, UnusableOutputError)):
        await receive([content])


@pytest.mark.parametrize("content", [b"", b"\n", b"<html></html>", b"{", b'{"choices": []}', stream("{"), stream("[]")])
async def test_content_that_is_no_completion_is_unusable(content: bytes) -> None:
    with pytest.raises(UnusableOutputError):
        await receive([content])


@pytest.mark.parametrize(
    ("events", "message", "status"),
    [
        (['{"error": {"message": "Overloaded.", "code": 529}}'], "Overloaded.", 529),
        (['{"error": "Overloaded."}'], "Overloaded.", None),
        (['event: error\ndata: {"message": "Overloaded.", "code": "429"}'], "Overloaded.", 429),
        (
            ['{"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"Overloaded."}}]}'],
            "Overloaded.",
            502,
        ),
        (['{"object": "error", "message": "Overloaded.", "code": 503}'], "Overloaded.", 503),
    ],
)
async def test_an_error_in_the_stream_ends_the_answer(events: list[str], message: str, status: int | None) -> None:
    lines = [event if event.startswith("event") else f"data: {event}" for event in events]
    completion = StreamedCompletion()
    await completion.feed(stream(chunk_with("Rome")) + "\n".join([*lines, "", f"data: {DONE}", ""]).encode())

    error = (await completion.answer()).error

    assert error is not None
    assert (error.message, error.status) == (message, status)


async def test_a_line_that_does_not_end_is_given_up() -> None:
    completion = StreamedCompletion()

    for _ in range(63):
        await completion.feed(b"data: " + b"a" * 16_384)

    with pytest.raises(UnusableOutputError, match="one of its lines is larger than 1048576 bytes"):
        await completion.feed(b"a" * 32_768)
