import asyncio
import http.client
import json
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import openai
import pytest
from openai import AsyncOpenAI

from tests.scripted_model import (
    NAMED,
    Hang,
    Reset,
    Rule,
    ScriptedModel,
    Setup,
    Slow,
    Trickle,
    Truncate,
    expected_section,
    rate_limit_error,
    section_marker,
)
from tests.scripted_model.client import (
    OUTLINE,
    SECTION,
    TOPIC,
    ask,
    ask_for_text,
    client_of,
    connect,
    conversation,
    raw_request,
    read_all,
)
from tests.waiting import PATIENCE_S


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", openai.RateLimitError),
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("500", openai.InternalServerError),
        ("502", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("html", openai.InternalServerError),
        ("reset", openai.APIConnectionError),
        ("reset-body", openai.APIConnectionError),
        ("truncate", openai.APIConnectionError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_reaches_the_client_as_its_error(*, fault: str, error: type[Exception], stream: bool) -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED[fault])]) as model, client_of(model) as client:
        with pytest.raises((error, openai.APIConnectionError) if stream else error) as caught:
            await read(client, stream=stream)
        await model.wait_for(lambda record: not record.in_flight)

    assert [NAMED[fault].fault] == [call.fault for call in model.calls()]
    assert [f"fault:{NAMED[fault].fault}"] == [call.outcome for call in model.calls()]
    if isinstance(caught.value, openai.APIStatusError):
        assert caught.value.status_code == model.calls()[0].status


async def read(client: AsyncOpenAI, *, stream: bool) -> None:
    """Make one call and read its answer to the end; what breaks a stream's body counts as a connection error."""
    try:
        if stream:
            async for _ in await client.chat.completions.create(
                model="scripted-model", messages=conversation(SECTION), stream=True
            ):
                pass
        else:
            await client.chat.completions.create(model="scripted-model", messages=conversation(SECTION))
    except openai.OpenAIError:
        raise
    except Exception as error:
        raise openai.APIConnectionError(request=None) from error  # type: ignore[arg-type]  # the request is not used


@pytest.mark.parametrize("after", [{"after_s": 7}, {"after_ms": 250}, {"at_s": 60}, {}])
async def test_a_pause_is_asked_for_in_every_form(after: dict[str, float]) -> None:
    async with ScriptedModel(rules=[Rule(do=rate_limit_error(**after))]) as model:
        with pytest.raises(openai.RateLimitError) as caught:
            await ask(model, SECTION)

    headers = caught.value.response.headers
    assert caught.value.code == "rate_limit_exceeded"
    assert ("250" if "after_ms" in after else None) == headers.get("retry-after-ms")
    if "at_s" in after:
        assert abs(parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time() - 60) < 5
    else:
        assert ("7" if "after_s" in after else None) == headers.get("retry-after")


@pytest.mark.parametrize(("share", "some"), [(0.0, False), (0.5, True)])
async def test_a_reset_is_a_reset(*, share: float, some: bool) -> None:
    async with ScriptedModel(rules=[Rule(do=Reset(share=share))]) as model:
        with connect(model) as sock:
            sock.sendall(raw_request(SECTION))
            got: list[bytes] = []
            with pytest.raises(ConnectionResetError):
                got.extend(iter(lambda: sock.recv(65_536), b""))

    assert some == b"".join(got).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (200 if some else 0) == model.calls()[0].status


async def test_a_truncated_body_ends_in_order_before_its_announced_length() -> None:
    async with ScriptedModel(rules=[Rule(do=Truncate(share=0.5))]) as model:
        with connect(model) as sock:
            sock.sendall(raw_request(SECTION))
            head, _, body = read_all(sock).partition(b"\r\n\r\n")

    announced = int(head.rpartition(b"content-length: ")[2])
    assert len(body) == announced // 2


async def test_a_client_that_leaves_is_noticed_at_once() -> None:
    async with ScriptedModel(rules=[Rule(do=Hang())]) as model:
        asking = asyncio.create_task(ask(model, SECTION))
        await model.wait_for(lambda record: record.in_flight == 1)
        left = time.monotonic()
        asking.cancel()
        await model.wait_for(lambda record: not record.in_flight)
        [call] = model.calls(kind="section", topic=TOPIC, index=2)

    assert (call.outcome, call.fault, call.status) == ("disconnected", "hang", 0)
    assert call.disconnected_at is not None
    assert call.disconnected_at >= left


async def test_a_trickled_answer_is_whole_in_the_end() -> None:
    async with ScriptedModel(rules=[Rule(do=Trickle(total_ms=100, pieces=10))]) as model:
        text = await ask_for_text(model, SECTION)

    assert expected_section(TOPIC, 2) == text
    assert model.calls()[0].seconds >= 0.09


def test_chunked_and_pipelined_requests_are_served_in_order() -> None:
    whole = raw_request(OUTLINE)
    head, _, body = raw_request(SECTION).partition(b"\r\n\r\n")
    head = head.rpartition(b"\r\n")[0] + b"\r\ntransfer-encoding: chunked\r\nconnection: close"
    chunks = [body[:10], body[10:]]
    chunked = head + b"\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
    with ScriptedModel(Setup(outline_ms=20)) as model, connect(model) as sock:
        sock.sendall(whole + chunked)
        answers = read_all(sock)

    assert [call.kind for call in model.calls()] == ["outline", "section"]
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert section_marker(TOPIC, 2).encode() in answers.rpartition(b"HTTP/1.1 200 OK")[2]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b'{"messages": []}', 400), (b'{"model": "m"}', 400)])
def test_a_body_that_is_no_chat_request_is_refused_and_recorded(body: bytes, status: int) -> None:
    with ScriptedModel() as model:
        connection = http.client.HTTPConnection(urlsplit(model.base_url).netloc, timeout=PATIENCE_S)
        connection.request("POST", "/v1/chat/completions", body)
        response = connection.getresponse()
        error = json.loads(response.read())["error"]
        connection.close()

    assert (status, "invalid_request_error") == (response.status, error["type"])
    assert [f"rejected:{status}"] == [call.outcome for call in model.calls()]


async def test_a_stopped_model_comes_back_at_the_same_address() -> None:
    async with ScriptedModel(rules=[Rule(nth=1, do=Hang())]) as model:
        asking = asyncio.create_task(ask(model, SECTION))
        await model.wait_for(lambda record: record.in_flight == 1)
        model.stop()
        with pytest.raises(openai.APIConnectionError):
            await asking
        with pytest.raises(openai.APIConnectionError):
            await ask(model, SECTION)
        model.start()
        await ask(model, SECTION)

    assert [call.outcome for call in model.calls()] == ["stopped", "answered"]


def test_a_port_that_is_taken_is_an_error() -> None:
    others = set(threading.enumerate())
    with ScriptedModel() as model, pytest.raises(OSError, match="in use"):
        ScriptedModel(port=urlsplit(model.base_url).port or 0).start()

    assert not set(threading.enumerate()) - others


async def test_a_stream_is_paced_and_can_be_left_in_the_middle() -> None:
    async with ScriptedModel(Setup(section_ms=10_000, stream_pieces=100)) as model, client_of(model) as client:
        async with await client.chat.completions.create(
            model="scripted-model", messages=conversation(SECTION), stream=True
        ) as stream:
            await anext(aiter(stream))
        await model.wait_for(lambda record: not record.in_flight)

    assert [(call.outcome, call.status) for call in model.calls()] == [("disconnected", 200)]


@pytest.mark.parametrize(
    ("setup", "begins"),
    [
        (Setup(), b"data: {"),
        (Setup(stream_comments=True), b": keep-alive\n\ndata: {"),
        (Setup(streams=False), b"{"),
    ],
)
async def test_what_is_sent_for_a_stream_is_as_set_up(setup: Setup, begins: bytes) -> None:
    async with (
        ScriptedModel(setup) as model,
        client_of(model) as client,
        client.chat.completions.with_streaming_response.create(
            model="scripted-model", messages=conversation(SECTION), stream=True
        ) as response,
    ):
        body = await response.read()

    assert body.startswith(begins)
    assert section_marker(TOPIC, 2).encode() in body


async def test_a_slow_first_byte_is_followed_by_the_whole() -> None:
    async with ScriptedModel(rules=[Rule(do=Slow(first_byte_ms=60))]) as model:
        text = await ask_for_text(model, SECTION)

    assert expected_section(TOPIC, 2) == text
    assert model.calls()[0].seconds >= 0.058


def test_waiting_works_without_an_event_loop() -> None:
    with ScriptedModel(Setup(section_ms=30)) as model, connect(model) as sock:
        sock.sendall(raw_request(SECTION))
        model.wait_for_blocking(lambda record: record.calls(outcome="answered"))
        with pytest.raises(TimeoutError, match="answered"):
            model.wait_for_blocking(lambda record: record.in_flight, timeout_s=0.01)


async def test_all_connections_can_be_dropped_while_the_model_goes_on() -> None:
    async with ScriptedModel(rules=[Rule(nth=1, do=Hang(share=0.5))]) as model:
        asking = asyncio.create_task(ask(model, SECTION))
        await model.wait_for(lambda record: any(call.status for call in record.calls()))
        model.drop_connections()
        with pytest.raises(openai.APIConnectionError):
            await asking

        assert expected_section(TOPIC, 2) == await ask_for_text(model, SECTION)


async def test_a_predicate_that_breaks_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedModel() as model:
        model.add(Rule(), when=lambda call: call.body["no such field"])
        with pytest.raises(openai.InternalServerError):
            await ask(model, SECTION)

    assert "no such field" in caplog.text


def test_what_is_no_http_is_told_so() -> None:
    with ScriptedModel() as model, connect(model) as sock:
        sock.sendall(b"\x16\x03\x01 not http\r\n\r\n")

        assert read_all(sock).startswith(b"HTTP/1.1 400 Bad Request")


async def test_a_body_that_is_no_json_is_no_answer() -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED["invalid-body"])]) as model:
        with pytest.raises(json.JSONDecodeError):
            await ask(model, SECTION)
