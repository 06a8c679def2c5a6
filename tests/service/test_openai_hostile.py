"""Servers that send too much, or no HTTP: the worker's memory and its event loop stay within bounds."""

import asyncio
import gzip
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pytest

from aether.adapters.openai.chat import OpenAIChat
from aether.errors import AetherError, ModelUnreachableError, TransientError, UnusableOutputError
from tests.scripted_model import Action, Bytes, Flood, HttpError, ModelProcess, Picture, Rule, ScriptedModel
from tests.service.chat_factory import FORM, MESSAGES, open_chat
from tests.service.illustrator_factory import REQUEST, open_illustrator

T = TypeVar("T")
PAGE = 4_096
MAX_HOLD_S = 0.05
MAX_GROWTH_MB = 64
LIMIT = "it is larger than 8388608 bytes (AETHER_MODEL_MAX_BYTES)"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
ENDLESS = HEAD + b"content-length: 1073741824\r\n\r\n"


class Footprint:
    """Measures the growth of the process's memory and the longest hold of its event loop inside the block."""

    async def __aenter__(self) -> Self:
        self._before = self._peak = _resident_mb()
        self._done = False
        self.longest_hold_s = 0.0
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._watching.cancel()
        self._done = True
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        return self._peak - self._before

    def _sample(self) -> None:
        while not self._done:
            self._peak = max(self._peak, _resident_mb())
            time.sleep(0.005)

    async def _watch(self) -> None:
        while True:
            since = time.thread_time()
            await asyncio.sleep(0)
            self.longest_hold_s = max(self.longest_hold_s, time.thread_time() - since)


async def measure(action: Action, use: Callable[[OpenAIChat], Awaitable[T]]) -> tuple[T, Footprint]:
    """Use a server that answers so; again if the event loop was held, up to three times.

    A neighbour on the same core may spoil one measurement, but not all.
    """
    for _ in range(3):
        with ModelProcess(rules=[Rule(do=action)]) as model:
            settings = {"AETHER_MODEL_READ_TIMEOUT": "30", "AETHER_MODEL_TOTAL_TIMEOUT": "300"}
            async with open_chat(model, **settings) as chat, Footprint() as footprint:
                outcome = await use(chat)
        if footprint.longest_hold_s < MAX_HOLD_S:
            break
    return outcome, footprint


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1024 / 1024


def chunked(unit: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(unit), unit)


def bomb(mb: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [compressor.compress(bytes(1024 * 1024)) for _ in range(mb)]
    return b"".join([*parts, compressor.flush()])


def gzipped(content: bytes) -> bytes:
    return HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content)


EVENT = b'data: {"choices":[{"delta":{"content":"Rome was not built in a day. "}}]}\n\n'
FLOODS: dict[str, tuple[Action, str]] = {
    "a gigabyte": (Flood(head=ENDLESS, unit=b"a" * 1_000), LIMIT),
    "a gigabyte of JSON": (Flood(head=ENDLESS + b'{"choices":[{"message":{"content":"', unit=b"Rome. "), LIMIT),
    "a gigabyte in chunks": (
        Flood(head=HEAD + b"transfer-encoding: chunked\r\n\r\n", unit=chunked(b"a" * 4_000)),
        LIMIT,
    ),
    "a gigabyte without a length": (Flood(head=HEAD + b"\r\n", unit=b"a" * 1_000), LIMIT),
    "a gigabyte of gzip": (
        Flood(head=HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), unit=b"a" * 1_000),
        LIMIT,
    ),
    "a gzip bomb": (Bytes(gzipped(bomb(256))), LIMIT),
    "spaces": (Flood(head=ENDLESS, unit=b" " * 1_000), LIMIT),
    "header lines": (Flood(head=HEAD, unit=b"x-a: b\r\n"), "not valid HTTP"),
    "a header": (Flood(head=HEAD + b"x-a: ", unit=b"b" * 1_000), "not valid HTTP"),
    "a status line": (Flood(head=b"HTTP/1.1 200 ", unit=b"O" * 1_000), "not valid HTTP"),
    "trailers": (
        Flood(head=HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", unit=b"x-a: b\r\n"),
        "Too many headers",
    ),
    "an error": (Flood(head=b"HTTP/1.1 400 Bad\r\n\r\n", unit=b"No. " * 100), "(HTTP 400): No."),
    "an error in gzip": (
        Bytes(b"HTTP/1.1 400 Bad\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"No. " * 20_000_000)),
        "(HTTP 400): No.",
    ),
    "events": (Flood(head=STREAM, unit=EVENT), LIMIT),
    "events of another API": (
        Flood(
            head=STREAM,
            unit=b'data: {"type":"content_block_delta","delta":{"text":"%s"}}\n\n' % (b"Rome. " * 200),
        ),
        LIMIT,
    ),
    "a list of another API": (
        Flood(head=HEAD + b"\r\n[", unit=b'{"candidates":[{"content":{"parts":[{"text":"Rome. "}]}}]},'),
        LIMIT,
    ),
    "comments": (Flood(head=STREAM, unit=b": ping\n\n"), LIMIT),
    "empty events": (Flood(head=STREAM, unit=b"data: {}\n"), LIMIT),
    "one line": (Flood(head=STREAM + b"data: ", unit=b"a" * 1_000), "larger than"),
    "an event of one line": (
        Flood(head=STREAM + b'data: {"choices":[{"delta":{"content":"', unit=b"a" * 1_000),
        "one of its lines is larger than 1048576 bytes",
    ),
    "a whole answer in place of a stream": (Flood(head=STREAM + b'{"choices":', unit=b"[" * 1_000), LIMIT),
}


@pytest.mark.parametrize(("action", "words"), FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("on_text", [None, len], ids=["whole", "streamed"])
async def test_no_answer_takes_much_memory_or_holds_the_event_loop(action: Action, words: str, on_text: object) -> None:
    async def error_of(chat: OpenAIChat) -> str:
        with pytest.raises(AetherError) as caught:
            await chat.complete(MESSAGES, on_text=len if on_text else None)
        return str(caught.value)

    error, footprint = await measure(action, error_of)

    assert words in error or ("larger than" in words and "larger than" in error)
    assert footprint.growth_mb < MAX_GROWTH_MB
    assert footprint.longest_hold_s < MAX_HOLD_S


async def test_many_large_answers_at_once_take_no_more_memory() -> None:
    """The sections of a report are written at the same time."""

    async def outcomes_of(chat: OpenAIChat) -> Sequence[object]:
        return await asyncio.gather(*(chat.complete(MESSAGES) for _ in range(16)), return_exceptions=True)

    outcomes, footprint = await measure(Flood(head=ENDLESS, unit=b"a" * 1_000), outcomes_of)

    assert {type(outcome) for outcome in outcomes} == {UnusableOutputError}
    assert footprint.growth_mb < MAX_GROWTH_MB
    assert footprint.longest_hold_s < MAX_HOLD_S


LARGE_TEXTS = {
    "bullets": "* x\n" * 130_000,
    "lines": "x\n" * 1_000_000,
    "letters": "a" * 7_000_000,
    "emoji": "😀" * 1_500_000,
    "tags": "<think>" * 400_000,
    "brackets": "[" * 2_000_000,
}


@pytest.mark.parametrize("text", LARGE_TEXTS.values(), ids=LARGE_TEXTS)
async def test_a_large_answer_within_the_limit_is_read_without_holding_the_event_loop(text: str) -> None:
    body = b'{"choices":[{"message":{"content":%b},"finish_reason":"stop"}]}' % quoted(text)

    reply, footprint = await measure(HttpError(status=200, body=body.decode()), lambda chat: chat.complete(MESSAGES))

    assert len(reply.text) <= 1_000_000
    assert reply.cut_off or len(text) < 1_000_000
    assert footprint.growth_mb < MAX_GROWTH_MB
    assert footprint.longest_hold_s < MAX_HOLD_S


def quoted(text: str) -> bytes:
    return b'"' + text.replace("\n", "\\n").encode() + b'"'


async def test_the_limit_is_a_setting() -> None:
    rules = [Rule(do=HttpError(status=200, body='{"choices":[{"message":{"content":"' + "a" * 5_000 + '"}}]}'))]
    async with ScriptedModel(rules=rules) as model:
        async with open_chat(model, AETHER_MODEL_MAX_BYTES="5030") as chat:
            with pytest.raises(UnusableOutputError, match="larger than 5030 bytes"):
                await chat.complete(MESSAGES)
        async with open_chat(model, AETHER_MODEL_MAX_BYTES="5100") as chat:
            assert len((await chat.complete(MESSAGES)).text) == 5_000


async def test_an_error_that_never_ends_is_not_waited_for() -> None:
    body = b'{"error": {"message": "No such thing."}}'
    action = Bytes(b"HTTP/1.1 400 Bad\r\ncontent-length: 9999\r\n\r\n" + body)
    async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
        with pytest.raises(AetherError, match="No such thing"):
            await chat.complete(MESSAGES)


@pytest.mark.parametrize("form", [None, FORM])
async def test_a_small_answer_in_gzip_is_read(form: object) -> None:
    content = gzip.compress(b'{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}')
    async with ScriptedModel(rules=[Rule(do=Bytes(gzipped(content)))]) as model, open_chat(model) as chat:
        assert (await chat.complete(MESSAGES, form=FORM if form else None)).text == "{}"


BODY = b'{"choices":[{"message":{"content":"Rome"},"finish_reason":"stop"}]}'
LENGTH = b"content-length: %d\r\n" % len(BODY)
NO_HTTP = {
    "garbage": b"\x00\xffgarbage\r\n\r\n",
    "words": b"Hello\r\nworld\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "a body alone": BODY,
    "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -20 OK\r\n\r\n",
    "a long status": b"HTTP/1.1 20000 OK\r\n\r\n",
    "an unknown version": b"HTTP/9.9 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "a header without a colon": b"HTTP/1.1 200 OK\r\nfoo bar\r\n" + LENGTH + b"\r\n" + BODY,
    "a header without a name": b"HTTP/1.1 200 OK\r\n: x\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before the colon": b"HTTP/1.1 200 OK\r\nfoo : x\r\n" + LENGTH + b"\r\n" + BODY,
    "NUL": b"HTTP/1.1 200 OK\r\nfoo: a\x00b\r\n" + LENGTH + b"\r\n" + BODY,
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n" + LENGTH + b"\r\n" + BODY,
    "the same length twice": b"HTTP/1.1 200 OK\r\n" + LENGTH + LENGTH + b"\r\n" + BODY,
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n" + BODY,
    "a length of letters": b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n" + BODY,
    "a huge length": b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 30 + b"\r\n\r\n" + BODY,
    "a length with chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a huge chunk size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\nabc\r\n",
    "a chunk without its end": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
    "fewer bytes than announced": b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n" + BODY,
    "broken gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
    "an unknown coding": b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 3\r\n\r\nabc",
    "an upgrade": b"HTTP/1.1 101 Switching\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\nblah",
    "an interim answer alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "nothing": b"",
    "an empty line": b"\r\n\r\n",
    "carriage returns": b"HTTP/1.1 200 OK\r\r" + BODY,
    "half a status line": b"HTTP/1.1 2",
    "half a header": b"HTTP/1.1 200 OK\r\ncontent-le",
}


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_tried_again_as_a_cut_connection_is(data: bytes) -> None:
    rules = [Rule(do=Bytes(data))]
    async with ScriptedModel(rules=rules) as model, open_chat(model) as chat, open_illustrator(model) as illustrator:
        for on_text in (None, len):
            with pytest.raises(TransientError) as caught:
                await chat.complete(MESSAGES, on_text=on_text)
            assert isinstance(caught.value, ModelUnreachableError | UnusableOutputError)
        with pytest.raises(TransientError):
            await illustrator.image(REQUEST, 0)
        model.use(rules=[])
        model.drop_connections()
        await asyncio.sleep(0.05)
        assert (await chat.complete(MESSAGES)).text


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_in_place_of_an_image_is_tried_again(data: bytes) -> None:
    rules = [Rule(kind="image", do=Picture(as_url=True)), Rule(kind="file", times=1, do=Bytes(data))]
    async with ScriptedModel(rules=rules) as model, open_illustrator(model) as illustrator:
        try:
            await illustrator.image(REQUEST, 0)
        except TransientError:
            assert await illustrator.image(REQUEST, 0)


ODD_HTTP = {
    "line feeds": b"HTTP/1.1 200 OK\n" + LENGTH.replace(b"\r", b"") + b"\n" + BODY,
    "an early hint": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "a broken reason": b"HTTP/1.1 200 \xe9\xff\r\n" + LENGTH + b"\r\n" + BODY,
    "a broken header": b"HTTP/1.1 200 OK\r\nx-a: \xe9\r\n" + LENGTH + b"\r\n" + BODY,
    "a broken content type": b"HTTP/1.1 200 OK\r\ncontent-type: \xff;charset=idna\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded header": b"HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\n" + LENGTH + b"\r\n" + BODY,
    "no length": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "a link that is none": b"HTTP/1.1 200 OK\r\nlink: <http://[\r\n" + LENGTH + b"\r\n" + BODY,
    "deflate without a header": b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\n\r\n"
    + zlib.compressobj(wbits=-15).compress(BODY)
    + zlib.compress(BODY, wbits=-15),
}


@pytest.mark.parametrize("data", ODD_HTTP.values(), ids=ODD_HTTP)
async def test_odd_http_is_understood(data: bytes) -> None:
    async with ScriptedModel(rules=[Rule(do=Bytes(data))]) as model, open_chat(model) as chat:
        assert (await chat.complete(MESSAGES)).text == "Rome"


async def test_a_flood_in_place_of_an_image_is_given_up() -> None:
    rules = [Rule(kind="image", do=Picture(as_url=True)), Rule(kind="file", do=Flood(head=ENDLESS, unit=b"a" * 1_000))]
    with ModelProcess(rules=rules) as model:
        async with open_illustrator(model) as illustrator, Footprint() as footprint:
            with pytest.raises(UnusableOutputError, match="it is larger than 100000 bytes"):
                await illustrator.image(REQUEST, 0)

    assert footprint.growth_mb < MAX_GROWTH_MB
