import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.openai.completions import reply_of
from aether.adapters.openai.streaming import Speech, StreamedAnswer
from aether.domain.job import Usage
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Reply

MARKUP = st.sampled_from(["<", "<think>", "</think>", "think>", "</", " ", "\n\n", "Rome", "é", "."])
TEXTS = st.lists(MARKUP | st.text(max_size=5), max_size=12).map("".join)
DONE = "[DONE]"


def said(content: object, finish_reason: str | None = None) -> str:
    return json.dumps({"choices": [{"delta": {"content": content}, "finish_reason": finish_reason}]})


def stream(*events: str, end: str = "\n") -> bytes:
    return "".join(f"data: {event}{end}{end}" for event in events).encode()


def heard(pieces: Iterable[bytes]) -> tuple[Reply, list[str]]:
    """What a stream that comes in these pieces says, and what was told of it."""
    told: list[str] = []
    answer = StreamedAnswer(told.append)
    for piece in pieces:
        answer.feed(piece)
    return answer.reply(), told


def cut(whole: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({place % (len(whole) + 1) for place in places} | {0, len(whole)})
    return [whole[start:end] for start, end in pairwise(at)]


def split(text: str, places: Sequence[int]) -> list[str]:
    at = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 200)), st.lists(st.integers(0, 2_000)))
def test_what_is_told_is_the_reply_however_the_stream_is_cut(text: str, tokens: list[int], packets: list[int]) -> None:
    whole = stream(*map(said, split(text, tokens)), said(None, "stop"), DONE)

    reply, told = heard(cut(whole, packets))

    assert reply == reply_of(text, None, "stop", None)
    assert "".join(told) == reply.text
    assert "" not in told


@given(TEXTS, st.lists(st.integers(0, 200)))
def test_thoughts_are_left_out_as_in_a_whole_answer(text: str, tokens: list[int]) -> None:
    speech = Speech()

    spoken = "".join(map(speech.said, split(text, tokens)))

    expected = reply_of(text, None, None, None).text
    assert expected.startswith(spoken)
    assert expected == spoken or "<think>".startswith(text.lstrip())  # which may still become one


def test_a_text_is_told_as_soon_as_it_is_clear_that_it_is_no_thought() -> None:
    told: list[str] = []
    answer = StreamedAnswer(told.append)
    steps = []
    for piece in ("\n", "<thi", "nk>Hm. </thi", "nk>", "\n\n", "Rome", " began", " <think>"):
        answer.feed(stream(said(piece)))
        steps.append("".join(told))

    assert steps == ["", "", "", "", "", "Rome", "Rome began", "Rome began <think>"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_other_fields_and_either_end_of_a_line_are_understood(end: str) -> None:
    beside = f": ping{end}{end}event: message{end}id: 7{end}retry: 10{end}".encode()
    content = beside + stream(said("Rome"), end=end) + beside + stream(said("."), DONE, end=end)

    assert heard([content])[1] == ["Rome."]


def test_no_space_need_follow_the_colon_and_no_line_the_last_event() -> None:
    reply, told = heard([f"data:{said('Rome')}\n\ndata:{said(None, 'stop')}".encode()])

    assert (reply.text, told) == ("Rome", ["Rome"])


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3.0}
    events = (said("Rome"), json.dumps({"choices": [], "usage": usage}), json.dumps({"choices": None, "usage": None}))

    assert heard([stream(*events, DONE)])[0].usage == Usage(1, 10, 3)


def test_what_is_cut_off_filtered_or_refused_is_so_as_in_a_whole_answer() -> None:
    refusals = [json.dumps({"choices": [{"delta": {"refusal": piece}}]}) for piece in ("I", " cannot.")]

    assert heard([stream(said("Rome", "length"))])[0].cut_off
    assert "content filter" in (heard([stream(said("Rome", "content_filter"))])[0].refusal or "")
    assert heard([stream(*refusals, DONE)])[0].refusal == "I cannot."


@pytest.mark.parametrize("chunk", ["{}", '{"choices":[{}]}', '{"choices":[{"delta":null}]}', said("")])
def test_a_chunk_without_text_says_nothing(chunk: str) -> None:
    assert heard([stream(chunk, said("Rome"), chunk, DONE)])[1] == ["Rome"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_completion_instead_is_told_at_once(indent: int | None) -> None:
    completion = {"choices": [{"message": {"content": "<think>Hm</think>Rome\nfell."}, "finish_reason": "stop"}]}
    content = b"\n" + json.dumps(completion, indent=indent).encode()

    reply, told = heard(cut(content, [1, 2, 30]))

    assert (reply.text, told) == ("Rome\nfell.", ["Rome\nfell."])


@pytest.mark.parametrize("end", [b"", b"data: {"])
def test_a_stream_that_ends_before_its_text_does_has_broken_off(end: bytes) -> None:
    content = stream(said("Rome")) + end

    with pytest.raises((ModelUnreachableError, UnusableOutputError)):
        heard([content])


@pytest.mark.parametrize("content", [b"", b"\n", b"<html></html>", b"{", b'{"choices": []}', stream("{"), stream("[]")])
def test_what_is_no_completion_is_unusable(content: bytes) -> None:
    with pytest.raises(UnusableOutputError):
        heard([content])


def test_an_error_in_the_stream_ends_the_answer() -> None:
    with pytest.raises(UnusableOutputError, match="broke off with an error"):
        heard([stream(said("Rome"), '{"error": {"message": "Overloaded."}}', DONE)])
