import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.openai.completions import make_reply
from aether.adapters.openai.streaming import StreamedCompletion, ThinkingFilter
from aether.domain.job import Usage
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Reply

MARKUP = st.sampled_from(["<", "<think>", "</think>", "think>", "</", " ", "\n\n", "Rome", "é", "."])
TEXTS = st.lists(MARKUP | st.text(max_size=5), max_size=12).map("".join)
DONE = "[DONE]"


def chunk_with(content: object, finish_reason: str | None = None) -> str:
    return json.dumps({"choices": [{"delta": {"content": content}, "finish_reason": finish_reason}]})


def stream(*events: str, end: str = "\n") -> bytes:
    return "".join(f"data: {event}{end}{end}" for event in events).encode()


def receive(pieces: Iterable[bytes]) -> tuple[Reply, list[str]]:
    """Feed a stream in these pieces, and return the reply and the texts that were passed on."""
    received: list[str] = []
    completion = StreamedCompletion(received.append)
    for piece in pieces:
        completion.feed(piece)
    return completion.reply(), received


def cut(content: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(content) + 1) for place in places} | {0, len(content)})
    return [content[start:end] for start, end in pairwise(at)]


def split(text: str, places: Sequence[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 200)), st.lists(st.integers(0, 2_000)))
def test_the_texts_passed_on_add_up_to_the_reply_however_the_stream_is_cut(
    text: str, tokens: list[int], packets: list[int]
) -> None:
    content = stream(*map(chunk_with, split(text, tokens)), chunk_with(None, "stop"), DONE)

    reply, received = receive(cut(content, packets))

    assert reply == make_reply(text, None, "stop", None)
    assert "".join(received) == reply.text
    assert "" not in received


@given(TEXTS, st.lists(st.integers(0, 200)))
def test_thinking_is_left_out_as_in_a_whole_completion(text: str, tokens: list[int]) -> None:
    thinking_filter = ThinkingFilter()

    text_out = "".join(map(thinking_filter.feed, split(text, tokens)))

    expected = make_reply(text, None, None, None).text
    assert expected.startswith(text_out)
    assert expected == text_out or "<think>".startswith(text.lstrip())  # which may still become one


def test_a_text_is_passed_on_as_soon_as_it_is_known_to_be_no_thinking() -> None:
    received: list[str] = []
    completion = StreamedCompletion(received.append)
    steps = []
    for piece in ("\n", "<thi", "nk>Hm. </thi", "nk>", "\n\n", "Rome", " began", " <think>"):
        completion.feed(stream(chunk_with(piece)))
        steps.append("".join(received))

    assert steps == ["", "", "", "", "", "Rome", "Rome began", "Rome began <think>"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_other_fields_and_both_line_endings_are_understood(end: str) -> None:
    beside = f": ping{end}{end}event: message{end}id: 7{end}retry: 10{end}".encode()
    content = beside + stream(chunk_with("Rome"), end=end) + beside + stream(chunk_with("."), DONE, end=end)

    assert receive([content])[1] == ["Rome."]


def test_the_space_after_the_colon_and_the_last_blank_line_may_be_missing() -> None:
    reply, received = receive([f"data:{chunk_with('Rome')}\n\ndata:{chunk_with(None, 'stop')}".encode()])

    assert (reply.text, received) == ("Rome", ["Rome"])


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3.0}
    events = (
        chunk_with("Rome"),
        json.dumps({"choices": [], "usage": usage}),
        json.dumps({"choices": None, "usage": None}),
    )

    assert receive([stream(*events, DONE)])[0].usage == Usage(1, 10, 3)


def test_truncation_filters_and_refusals_are_reported_as_in_a_whole_completion() -> None:
    refusals = [json.dumps({"choices": [{"delta": {"refusal": piece}}]}) for piece in ("I", " cannot.")]

    assert receive([stream(chunk_with("Rome", "length"))])[0].cut_off
    assert "content filter" in (receive([stream(chunk_with("Rome", "content_filter"))])[0].refusal or "")
    assert receive([stream(*refusals, DONE)])[0].refusal == "I cannot."


@pytest.mark.parametrize("chunk", ["{}", '{"choices":[{}]}', '{"choices":[{"delta":null}]}', chunk_with("")])
def test_a_chunk_without_text_is_ignored(chunk: str) -> None:
    assert receive([stream(chunk, chunk_with("Rome"), chunk, DONE)])[1] == ["Rome"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_completion_instead_of_a_stream_is_passed_on_in_one_piece(indent: int | None) -> None:
    completion = {"choices": [{"message": {"content": "<think>Hm</think>Rome\nfell."}, "finish_reason": "stop"}]}
    content = b"\n" + json.dumps(completion, indent=indent).encode()

    reply, received = receive(cut(content, [1, 2, 30]))

    assert (reply.text, received) == ("Rome\nfell.", ["Rome\nfell."])


@pytest.mark.parametrize("end", [b"", b"data: {"])
def test_a_stream_that_ends_without_a_finish_reason_is_incomplete(end: bytes) -> None:
    content = stream(chunk_with("Rome")) + end

    with pytest.raises((ModelUnreachableError, UnusableOutputError)):
        receive([content])


@pytest.mark.parametrize("content", [b"", b"\n", b"<html></html>", b"{", b'{"choices": []}', stream("{"), stream("[]")])
def test_content_that_is_no_completion_is_unusable(content: bytes) -> None:
    with pytest.raises(UnusableOutputError):
        receive([content])


def test_an_error_in_the_stream_ends_the_answer() -> None:
    with pytest.raises(UnusableOutputError, match="broke off with an error"):
        receive([stream(chunk_with("Rome"), '{"error": {"message": "Overloaded."}}', DONE)])
