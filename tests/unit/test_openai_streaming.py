import json
import re
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


@given(TEXTS, st.lists(st.integers(0, 200)))
async def test_a_stream_is_the_same_event_by_event_and_in_one_piece(text: str, tokens: list[int]) -> None:
    events = [*map(chunk_with, split(text, tokens)), chunk_with(None, "stop"), DONE]

    by_event, _ = await receive([stream(event) for event in events])
    whole, _ = await receive([stream(*events)])

    assert by_event == whole


@given(TEXTS, st.lists(st.integers(0, 200)), st.lists(st.integers(0, 2_000)))
async def test_the_texts_passed_on_add_up_to_the_reply_however_the_stream_is_cut(
    text: str, tokens: list[int], packets: list[int]
) -> None:
    content = stream(*map(chunk_with, split(text, tokens)), chunk_with(None, "stop"), DONE)

    reply, received = await receive(cut(content, packets))

    whole = Answer(text, finish_reason="stop")
    assert reply == make_reply(whole, await remove_thinking(whole, holds=False), wants_json=False)
    assert "".join(received) == reply.text or re.search(r"</\s?think", text)
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


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("places", [[], [1], [2], [1, 2, 3, 4], [3]])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["data:", "data: "])
async def test_a_byte_order_mark_before_a_stream_is_ignored(before: str, end: str, places: list[int]) -> None:
    events = stream(chunk_with("Rome"), chunk_with(" fell."), DONE, end=end).replace(b"data: ", before.encode())

    assert (await receive(cut(MARK + events, places)))[0].text == "Rome fell."


async def test_a_byte_order_mark_before_a_whole_completion_is_ignored() -> None:
    completion = json.dumps({"choices": [{"message": {"content": "Rome"}}]}).encode()

    assert (await receive([MARK + completion]))[0].text == "Rome"


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_list_of_events_is_a_stream(indent: int | None) -> None:
    pieces = ["Rome", " fell in {476}.", "\n"] * 500
    usage = {"choices": [], "usage": {"prompt_tokens": 9}}
    events = [*map(json.loads, map(chunk_with, pieces)), json.loads(chunk_with(None, "length")), usage]
    content = json.dumps(events, indent=indent).encode()

    for body in (content, stream(content.decode()) if indent is None else content):
        reply, received = await receive([body])

        assert (reply.text, "".join(received)) == ("".join(pieces), "".join(pieces))
        assert (reply.cut_off, reply.usage.input_tokens) == (True, 9)


async def test_of_a_list_of_whole_completions_the_first_is_the_answer() -> None:
    completions = [{"choices": [{"message": {"content": city}}]} for city in ("Rome", "Paris")]

    assert (await receive([json.dumps(completions).encode()]))[0].text == "Rome"


SENTENCES = ("Rome began as a village.", " It grew for centuries.", " Then it fell.")
TEXT = "".join(SENTENCES)
LAST = {"finish_reason": "length", "message": {"role": "assistant", "content": TEXT}}


@pytest.mark.parametrize(
    "last", [{"choices": [LAST]}, {"choices": [LAST], "object": "chat.completion", "usage": {"prompt_tokens": 9}}]
)
async def test_a_last_event_with_the_whole_message_adds_no_text(last: object) -> None:
    reply, received = await receive([stream(*map(chunk_with, SENTENCES), json.dumps(last), DONE)])

    assert (reply.text, "".join(received), reply.cut_off) == (TEXT, TEXT, True)


async def test_messages_are_pieces_where_there_are_no_others() -> None:
    events = [json.dumps({"choices": [{"message": {"content": each}}]}) for each in SENTENCES]

    assert (await receive([stream(*events, DONE)]))[0].text == TEXT


CUMULATIVE = {
    "words": [TEXT[:end] for end in range(len(TEXT) + 1) if TEXT[end : end + 1] in ("", " ")],
    "characters": [TEXT[:end] for end in range(len(TEXT) + 1)],
    "two pieces": [SENTENCES[0], TEXT],
    "three pieces": ["Rome", "Rome began", TEXT],
    "the whole text twice": ["Rome", SENTENCES[0], TEXT, TEXT],
    "pieces behind it": [SENTENCES[0], TEXT[:-15], TEXT[:-10], TEXT[-10:]],
}


@pytest.mark.parametrize("pieces", CUMULATIVE.values(), ids=CUMULATIVE)
async def test_pieces_that_repeat_all_the_text_so_far_are_not_added_up(pieces: list[str]) -> None:
    reply, received = await receive([stream(*map(chunk_with, pieces), chunk_with(None, "stop"))])

    assert (reply.text, "".join(received)) == (TEXT, TEXT)


@pytest.mark.parametrize(
    "pieces",
    [
        ["ha", "ha", "ha"],
        [" ", "  ", "   ", "Rome"],
        ["a" * 30, "a" * 30, "a" * 30],
        ["a" * 30, "a" * 20],
        ["Rome. ", "Rome. Rome. ", "Then it fell."],
        ["#", "##", "### Rome"],
        [f"{SENTENCES[0]} ", SENTENCES[0], " And so on."],
    ],
)
async def test_pieces_that_are_alike_by_chance_are_added_up(pieces: list[str]) -> None:
    reply, received = await receive([stream(*map(chunk_with, pieces), chunk_with(None, "stop"))])

    assert (reply.text, "".join(received)) == ("".join(pieces), "".join(pieces))


def choice(index: object, content: str, finish_reason: str | None = None) -> dict[str, object]:
    return {"index": index, "delta": {"content": content}, "finish_reason": finish_reason}


@pytest.mark.parametrize(
    "events",
    [
        [[choice(0, "Rome")], [choice(1, "Paris")], [choice(1, " burnt.", "length")], [choice(0, " fell.", "stop")]],
        [[choice(1, "Paris"), choice(0, "Rome")], [choice(0, " fell."), choice(1, ".")], [choice(2, "", "length")]],
        [[choice(None, "Rome")], [choice(3, "Paris")], [choice("0", " fell.")]],
    ],
)
async def test_other_choices_than_the_first_are_ignored(events: list[list[object]]) -> None:
    reply, received = await receive([stream(*(json.dumps({"choices": each}) for each in events), DONE)])

    assert (reply.text, "".join(received), reply.cut_off) == ("Rome fell.", "Rome fell.", False)


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [{"delta": {}, "finish_reason": None, "finish_details": {"type": "max_tokens"}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}]},
        {"choices": [{"delta": {"content": "."}, "index": 0, "finish_reason": 2}]},
        {"choices": [{"delta": {}, "finish_reason": None}], "stop_reason": "max_tokens"},
        {"choices": [{"delta": {}}], "finish_reason": "length"},
        {"message": {"content": ""}, "done": True, "done_reason": "length"},
    ],
)
async def test_it_is_read_wherever_it_stands_that_a_stream_was_cut_off(last: object) -> None:
    assert (await receive([stream(chunk_with("Rome was"), json.dumps(last), DONE)]))[0].cut_off


async def test_what_comes_behind_the_end_is_ignored() -> None:
    end = stream(chunk_with("Rome"), DONE)
    late = stream(chunk_with(" fell.", "length"), '{"error": "Late."}', "{")

    for pieces in ([end + late], [end, late]):
        reply, received = await receive(pieces)

        assert (reply.text, "".join(received), reply.cut_off) == ("Rome", "Rome", False)


async def test_a_model_that_goes_on_behind_its_end_is_not_listened_to() -> None:
    completion = StreamedCompletion(enough=100_000)
    await completion.feed(stream(chunk_with("Rome fell.<|im_end|>\n<|im_start|>user\n")))
    assert not completion.has_enough
    for _ in range(40):
        await completion.feed(stream(chunk_with("More and more about Rome, without end. " * 2)))

    assert completion.has_enough
    completion.cut()
    reply = make_reply(await completion.answer(), completion.thinking, wants_json=False)
    assert (reply.text, reply.cut_off, reply.defect) == ("Rome fell.", False, None)


@pytest.mark.parametrize(("before", "is_text"), [("", True), ("<think>", False), ("<think>a</think>", True)])
async def test_of_a_text_no_more_is_read_than_is_wanted(before: str, *, is_text: bool) -> None:
    """The thinking does not count."""
    completion = StreamedCompletion(enough=1_000)
    for piece in (before, *["Rome was not built in a day. "] * 50):
        await completion.feed(stream(chunk_with(piece)))

    assert (completion.has_enough, completion.may_be_cut) == (is_text, is_text)
    completion.cut()
    assert make_reply(await completion.answer(), completion.thinking, wants_json=False).cut_off


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
