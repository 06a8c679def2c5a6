"""Texts that are streamed while the model writes them, over real HTTP."""

import asyncio
from contextlib import suppress
from typing import Self

import pytest

from aether.errors import (
    AetherError,
    ModelFailedError,
    ModelOverloadedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from aether.workflows.llm.ports import OnText
from aether.workflows.llm.text_bound import bound_text
from tests.scripted_model import (
    NAMED,
    Flood,
    Hang,
    HttpError,
    Rule,
    ScriptedModel,
    Setup,
    Trickle,
    client_error,
    rate_limit_error,
)
from tests.service.chat_factory import MESSAGES, open_chat

SLOW_SETUP = Setup(section_ms=400, stream_pieces=8)


def stream_variants(model: ScriptedModel) -> list[tuple[bool, bool]]:
    """Return for each call whether it asked for a stream, and for its usage."""
    return [("stream" in call.body, "stream_options" in call.body) for call in model.calls()]


async def test_a_text_is_streamed_while_it_is_written() -> None:
    received: list[tuple[str, int]] = []
    async with ScriptedModel(SLOW_SETUP) as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="9") as chat:
        reply = await chat.complete(MESSAGES, on_text=lambda text: received.append((text, model.in_flight)))

        [call] = model.calls()
    assert "".join(text for text, _ in received) == reply.text
    assert [in_flight for _, in_flight in received[:3]] == [1, 1, 1]
    assert (call.body["stream"], call.body["stream_options"]) == (True, {"include_usage": True})


async def test_a_streamed_answer_is_the_same_as_a_whole_one() -> None:
    async with ScriptedModel() as model, open_chat(model) as chat:
        whole = await chat.complete(MESSAGES)
        streamed = await chat.complete(MESSAGES, on_text=len)

    assert (streamed.text, streamed.cut_off, streamed.refusal) == (whole.text, False, None)
    assert (streamed.usage.calls, streamed.usage.output_tokens) == (1, whole.usage.output_tokens)
    assert streamed.usage.input_tokens > 0


@pytest.mark.parametrize("fault", ["length", "refusal", "content-filter", "empty", "null"])
async def test_a_streamed_answer_ends_as_a_whole_one_does(fault: str) -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED[fault])]) as model, open_chat(model) as chat:
        whole = await chat.complete(MESSAGES)
        streamed = await chat.complete(MESSAGES, on_text=len)

    assert (streamed.text, streamed.cut_off, streamed.refusal) == (whole.text, whole.cut_off, whole.refusal)


@pytest.mark.parametrize(
    "setup", [Setup(streams=False), Setup(stream_comments=True), Setup(stream_pieces=1), Setup(stream_pieces=10_000)]
)
async def test_streams_of_other_servers_are_understood(setup: Setup) -> None:
    received: list[str] = []
    async with ScriptedModel(setup) as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES, on_text=received.append)

        assert reply.text == (await chat.complete(MESSAGES)).text
    assert "".join(received) == reply.text
    assert reply.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("unknown", "first", "then"),
    [
        ((), [(True, True)], [(True, True)]),
        (("stream_options",), [(True, True), (True, False)], [(True, False)]),
        (("stream", "stream_options"), [(True, True), (True, False), (False, False)], [(False, False)]),
    ],
)
async def test_the_accepted_way_to_ask_for_a_stream_is_remembered(
    unknown: tuple[str, ...], first: list[tuple[bool, bool]], then: list[tuple[bool, bool]]
) -> None:
    received: list[str] = []
    async with ScriptedModel(Setup(reject_params=unknown)) as model, open_chat(model) as chat:
        reply = await chat.complete(MESSAGES, on_text=received.append)
        asked = stream_variants(model)
        model.reset()
        await chat.complete(MESSAGES, on_text=len)

        assert (asked, stream_variants(model)) == (first, then)
    assert "".join(received) == reply.text != ""


async def test_an_error_in_the_request_itself_is_not_blamed_on_the_stream_options() -> None:
    fault = Rule(times=3, do=client_error(400, "Invalid value."))
    async with ScriptedModel(rules=[fault]) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError, match="Invalid value"):
            await chat.complete(MESSAGES, on_text=len)
        model.reset()
        await chat.complete(MESSAGES, on_text=len)

        assert stream_variants(model) == [(True, True)]


@pytest.mark.parametrize(
    ("fault", "error", "what"),
    [
        (NAMED["reset"], ModelUnreachableError, "the connection was lost"),
        (NAMED["reset-body"], ModelUnreachableError, "it closed the connection within its answer"),
        (NAMED["truncate"], ModelUnreachableError, "it closed the connection within its answer"),
        (NAMED["hang"], ModelUnreachableError, "did not answer in time"),
        (NAMED["hang-body"], ModelUnreachableError, "did not answer in time"),
        (rate_limit_error(after_s=7), ModelOverloadedError, "overloaded"),
        (NAMED["html"], ModelFailedError, "HTTP 502"),
        (NAMED["401"], ModelRejectedKeyError, "OPENAI_API_KEY"),
        (NAMED["invalid-body"], UnusableOutputError, "no chat completion"),
        (HttpError(status=200, body="", content_type="text/event-stream"), UnusableOutputError, "it is empty"),
    ],
)
async def test_a_stream_fails_as_a_whole_answer_does(fault: HttpError, error: type[AetherError], what: str) -> None:
    async with ScriptedModel(rules=[Rule(do=fault)]) as model, open_chat(model) as chat:
        with pytest.raises(error, match=what) as caught:
            await chat.complete(MESSAGES, on_text=len)

        assert model.count() == 1
    assert getattr(caught.value, "retry_after", None) == (7 if error is ModelOverloadedError else None)


async def test_text_received_before_the_connection_was_lost_was_passed_on() -> None:
    received: list[str] = []
    async with ScriptedModel(rules=[Rule(times=1, do=NAMED["reset-body"])]) as model, open_chat(model) as chat:
        with pytest.raises(ModelUnreachableError):
            await chat.complete(MESSAGES, on_text=received.append)
        whole = await chat.complete(MESSAGES)

    assert received
    assert whole.text.startswith("".join(received))
    assert whole.text != "".join(received)


async def test_a_stream_that_takes_too_long_is_given_up() -> None:
    """However steadily it comes."""
    async with (
        ScriptedModel(rules=[Rule(do=Trickle(total_ms=5_000, pieces=100))]) as model,
        open_chat(model, AETHER_MODEL_TOTAL_TIMEOUT="0.3", AETHER_MODEL_READ_TIMEOUT="9") as chat,
    ):
        with pytest.raises(ModelUnreachableError, match=r"no complete answer within 0\.3 s"):
            await chat.complete(MESSAGES, on_text=len)
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))


async def test_a_finished_stream_that_the_server_leaves_open_is_not_waited_for() -> None:
    # All but the last bytes of the body, which say that there is no more.
    held = Hang(share=0.9985)
    async with (
        ScriptedModel(rules=[Rule(times=1, do=held)]) as model,
        open_chat(model, AETHER_MODEL_READ_TIMEOUT="9") as chat,
    ):
        reply = await chat.complete(MESSAGES, on_text=len)
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))

        assert reply.text == (await chat.complete(MESSAGES)).text


class OpenServer:
    """A server that answers with these events, each after so many seconds, and leaves all connections open."""

    def __init__(self, *events: tuple[float, str], pings: bool = False) -> None:
        self._events = events
        self._pings = pings
        self.closed = asyncio.Event()
        self.requests = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for seconds, event in self._events:
            await asyncio.sleep(seconds)
            writer.write(f"data: {event}\n\n".encode())
        pinging = asyncio.create_task(self._ping(writer)) if self._pings else None
        with suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        if pinging is not None:
            pinging.cancel()
        self.closed.set()
        writer.close()

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b": ping\n\n")
            await asyncio.sleep(0.1)


ROME_EVENT, FELL_EVENT = (f'{{"choices":[{{"delta":{{"content":"{each}"}}}}]}}' for each in ("Rome", " fell."))
TEXT_EVENT = '{"choices":[{"delta":{"content":"Rome fell."}}]}'
LAST_EVENT = '{"choices":[{"delta":{},"finish_reason":"stop"}]}'
USAGE_EVENT = '{"choices":[],"usage":{"prompt_tokens":9}}'
FINISHED = [(0.0, TEXT_EVENT), (0.0, LAST_EVENT)]


@pytest.mark.parametrize(
    ("events", "pings", "tokens"),
    [
        (FINISHED, False, 0),
        (FINISHED, True, 0),
        ([*FINISHED, (0.3, USAGE_EVENT)], False, 9),
        ([(0.0, LAST_EVENT), (0.8, ROME_EVENT), (0.8, FELL_EVENT)], False, 0),
    ],
    ids=["silent", "with pings", "with a late usage", "with text behind its end"],
)
@pytest.mark.parametrize("on_text", [None, len], ids=["whole", "streamed"])
async def test_a_finished_stream_without_its_last_line_is_taken_while_the_connection_is_open(
    events: list[tuple[float, str]], on_text: OnText | None, tokens: int, *, pings: bool
) -> None:
    async with (
        OpenServer(*events, pings=pings) as server,
        open_chat(server, AETHER_MODEL_READ_TIMEOUT="60", AETHER_MODEL_TOTAL_TIMEOUT="60") as chat,
    ):
        reply = await chat.complete(MESSAGES, on_text=on_text)
        await server.closed.wait()

        assert (reply.text, reply.cut_off, server.requests) == ("Rome fell.", False, 1)
        assert reply.usage.input_tokens == tokens


SENTENCE = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Rome was not built in a day. "}}]}\n\n'
ENDLESS = Flood(head=b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", unit=SENTENCE)


@pytest.mark.parametrize("on_text", [None, len], ids=["whole", "streamed"])
async def test_a_text_without_end_is_read_up_to_its_bound(on_text: OnText | None) -> None:
    async with ScriptedModel(rules=[Rule(do=ENDLESS)]) as model, open_chat(model) as chat:
        with bound_text(50_000):
            reply = await chat.complete(MESSAGES, on_text=on_text)
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))

        assert (reply.cut_off, reply.defect, model.count()) == (True, None, 1)
    assert 50_000 <= len(reply.text) < 100_000


async def test_a_text_that_is_too_large_before_its_bound_is_cut() -> None:
    async with (
        ScriptedModel(rules=[Rule(do=ENDLESS)]) as model,
        open_chat(model, AETHER_MODEL_MAX_BYTES="100000") as chat,
    ):
        with bound_text(500_000):
            reply = await chat.complete(MESSAGES, on_text=len)

    assert (reply.cut_off, reply.text.startswith("Rome was not built in a day. Rome")) == (True, True)


async def test_a_thought_without_end_is_no_text_to_be_cut() -> None:
    thought = Flood(head=ENDLESS.head + SENTENCE.replace(b"Rome", b"<think>Rome"), unit=SENTENCE)
    async with (
        ScriptedModel(rules=[Rule(do=thought)]) as model,
        open_chat(model, AETHER_MODEL_MAX_BYTES="100000") as chat,
    ):
        with bound_text(1_000), pytest.raises(UnusableOutputError, match="larger than 100000 bytes"):
            await chat.complete(MESSAGES, on_text=len)


async def test_a_cancelled_stream_closes_its_connection() -> None:
    begun = asyncio.Event()
    slowly = Setup(section_ms=600_000, stream_pieces=6_000)
    async with ScriptedModel(slowly) as model, open_chat(model, AETHER_MODEL_READ_TIMEOUT="9") as chat:
        asking = asyncio.create_task(chat.complete(MESSAGES, on_text=lambda _: begun.set()))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))

    assert len(model.calls()) == 1


async def test_a_streamed_call_leaves_its_connection_to_the_next() -> None:
    async with ScriptedModel(Setup(stream_pieces=50)) as model, open_chat(model) as chat:
        for _ in range(5):
            await chat.complete(MESSAGES, on_text=len)

        assert len(model._service.connections) == 1
