"""Where the requests to a model server go, and what they carry."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from aether.errors import (
    ConfigurationError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from tests.scripted_model import Bytes, HttpError, Picture, Rule, ScriptedModel, client_error, model_not_found, png
from tests.service.chat_factory import KEY, MESSAGES, open_chat
from tests.service.illustrator_factory import REQUEST, open_illustrator

BODY = b'{"choices":[{"message":{"content":"Rome"},"finish_reason":"stop"}]}'


def response(headers: bytes = b"", body: bytes = BODY) -> Bytes:
    return Bytes(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n%b\r\n%b" % (len(body), headers, body))


@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
async def test_texts_and_images_are_asked_for_below_the_base_url(end: str) -> None:
    async with ScriptedModel() as model:
        environment = {"OPENAI_BASE_URL": model.base_url + end}
        async with open_chat(model, **environment) as chat, open_illustrator(model, **environment) as illustrator:
            assert (await chat.complete(MESSAGES)).text
            assert await illustrator.image(REQUEST, 0)


@pytest.mark.parametrize("end", ["", "/"])
async def test_a_base_url_without_its_version_is_asked_about(end: str) -> None:
    async with ScriptedModel() as model:
        origin = model.base_url.removesuffix("/v1")
        async with open_chat(model, OPENAI_BASE_URL=origin + end) as chat:
            with pytest.raises(ModelRejectedRequestError) as caught:
                await chat.complete(MESSAGES)
        async with open_illustrator(model, OPENAI_BASE_URL=origin + end) as illustrator:
            with pytest.raises(ModelRejectedRequestError, match=f"{origin}/images/generations; should OPENAI_BASE_URL"):
                await illustrator.image(REQUEST, 0)

    assert f"{origin}/chat/completions; should OPENAI_BASE_URL end with /v1?" in str(caught.value)


async def test_a_server_that_closes_idle_connections_costs_one_attempt_only() -> None:
    """The request is not sent again unseen: the server may have read it."""
    connections = 0

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response().data.replace(b"connection: close\r\n", b""))
            await reader.readuntil(b"\r\n\r\n")

    async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server, ScriptedModel() as unused:
        port = server.sockets[0].getsockname()[1]
        async with open_chat(unused, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1") as chat:
            await chat.complete(MESSAGES)
            with pytest.raises(ModelUnreachableError, match="it closed the connection before its answer"):
                await chat.complete(MESSAGES)
            for _ in range(3):
                await chat.complete(MESSAGES)

    assert connections == 1 + 3


@pytest.mark.parametrize("model_of_job", [None, "another"])
async def test_an_unknown_model_names_the_setting_unless_the_job_has_chosen_it(model_of_job: str | None) -> None:
    async with ScriptedModel(rules=[Rule(do=model_not_found())]) as model, open_chat(model) as chat:
        with pytest.raises(ModelRejectedRequestError) as caught:
            await chat.complete(MESSAGES, model=model_of_job)

    assert ("AETHER_MODEL" in str(caught.value)) is (model_of_job is None)


async def test_a_query_and_headers_go_with_every_request() -> None:
    async with ScriptedModel() as model:
        environment = {
            "OPENAI_API_KEY": "",
            "OPENAI_BASE_URL": f"{model.base_url}/?api-version=2025-01-01",
            "AETHER_MODEL_HEADERS": '{"api-key": "a-secret-value", "X-Team": "history"}',
        }
        async with open_chat(model, **environment) as chat, open_illustrator(model, **environment) as illustrator:
            await chat.complete(MESSAGES)
            await chat.complete(MESSAGES, on_text=len)
            await illustrator.image(REQUEST, 0)

        headers = [call.headers for call in model.calls()]
    assert [header["api-key"] for header in headers] == ["a-secret-value"] * 3
    assert [header["x-team"] for header in headers] == ["history"] * 3
    assert ["authorization" in header for header in headers] == [False] * 3


@pytest.mark.parametrize(
    ("environment", "authorization"),
    [
        ({}, f"Bearer {KEY}"),
        ({"AETHER_MODEL_HEADERS": '{"X-Team": "history"}'}, f"Bearer {KEY}"),
        ({"AETHER_MODEL_HEADERS": '{"authorization": "Basic eDp5"}'}, "Basic eDp5"),
        ({"OPENAI_BASE_URL": "http://user:pass@HOST/v1"}, "Basic dXNlcjpwYXNz"),
    ],
)
async def test_the_key_is_sent_unless_other_credentials_are_given(
    environment: dict[str, str], authorization: str
) -> None:
    async with ScriptedModel() as model:
        host = model.base_url.removeprefix("http://").removesuffix("/v1")
        given = {name: value.replace("HOST", host) for name, value in environment.items()}
        async with open_chat(model, **given) as chat:
            await chat.complete(MESSAGES)

        assert [call.headers["authorization"] for call in model.calls()] == [authorization]


async def test_another_server_for_images_gets_its_own_headers_alone() -> None:
    own = {"AETHER_MODEL_HEADERS": '{"api-key": "for-texts"}', "AETHER_IMAGE_HEADERS": '{"x-key": "for-images"}'}
    async with (
        ScriptedModel() as images,
        open_illustrator(images, AETHER_IMAGE_BASE_URL=images.base_url, **own) as illustrator,
    ):
        await illustrator.image(REQUEST, 0)

        [call] = images.calls()
    assert call.headers["x-key"] == "for-images"
    assert {"api-key", "authorization"}.isdisjoint(call.headers)


async def test_secrets_are_in_no_error() -> None:
    environment = {
        "OPENAI_BASE_URL": "BASE?key=query-secret",
        "AETHER_MODEL_HEADERS": '{"api-key": "header-secret"}',
    }
    message = f"Bad {KEY} and header-secret and query-secret."
    async with ScriptedModel(rules=[Rule(do=client_error(400, message))]) as model:
        environment["OPENAI_BASE_URL"] = environment["OPENAI_BASE_URL"].replace("BASE", model.base_url)
        async with open_chat(model, **environment) as chat:
            with pytest.raises(ModelRejectedRequestError) as caught:
                await chat.complete(MESSAGES)

    assert "Bad … and … and …." in str(caught.value)


async def test_a_key_that_cannot_be_sent_is_told_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        async with open_chat(ScriptedModel(port=9), OPENAI_API_KEY="sk-“quoted”"):
            pass


@pytest.mark.parametrize("cookie", ["a=b", "a=é", ";;=\x01", "a=b; domain=127.0.0.1; path=/", "a" * 5_000 + "=b"])
async def test_no_cookie_is_kept(cookie: str) -> None:
    """One call's must not go with another's, and one that cannot be sent must not fail every call from then on."""
    header = b"set-cookie: %b\r\n" % cookie.encode()
    rules = [Rule(kind="section", times=2, do=response(header)), Rule(kind="image", times=1, do=Picture(as_url=True))]
    rules.append(
        Rule(
            kind="file", do=HttpError(status=302, headers={"location": "?name=png&of=1", "set-cookie": "c=d"}), times=1
        )
    )
    async with ScriptedModel(rules=rules) as model, open_chat(model) as chat, open_illustrator(model) as illustrator:
        for _ in range(2):
            await chat.complete(MESSAGES)
        await chat.complete(MESSAGES, on_text=len)
        await illustrator.image(REQUEST, 0)

        assert all("cookie" not in call.headers for call in model.calls())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_the_prompt_nowhere(status: int) -> None:
    async with ScriptedModel() as elsewhere:
        action = HttpError(status=status, headers={"location": f"{elsewhere.base_url}/chat/completions"})
        async with ScriptedModel(rules=[Rule(do=action)]) as model, open_chat(model) as chat:
            with pytest.raises(ModelRejectedRequestError, match="which is not followed; check OPENAI_BASE_URL"):
                await chat.complete(MESSAGES)

        assert not elsewhere.calls()


REFUSED = "The model's answer was unusable: its image has no public HTTP address."


@asynccontextmanager
async def refused_port() -> AsyncIterator[int]:
    """Listen on a port of this machine, on which no connection may arrive."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:PORT/x.png",
        "http://localhost:PORT/x.png",
        "http://[::1]:PORT/x.png",
        "http://[::ffff:127.0.0.1]:PORT/x.png",
        "http://0.0.0.0:PORT/x.png",
        "http://2130706433:PORT/x.png",
        "http://127.1:PORT/x.png",
        "http://10.0.0.1/x.png",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1/x.png",
        "http://nowhere.invalid/x.png",
        "http://internal/x.png",
        "http://user:pass@127.0.0.1:PORT/x.png",
        "file:///etc/passwd",
        "gopher://127.0.0.1:PORT/x",
        "http://[",
    ],
)
@pytest.mark.parametrize("behind_redirect", [False, True])
async def test_an_image_is_not_fetched_from_a_private_address(url: str, *, behind_redirect: bool) -> None:
    """And nobody is told what is there: every refusal has the same words."""
    async with refused_port() as port:
        address = url.replace("PORT", str(port))
        rules = [Rule(kind="image", do=Picture(as_url=True) if behind_redirect else Picture(url=address))]
        rules.append(Rule(kind="file", do=HttpError(status=302, headers={"location": address})))
        async with ScriptedModel(rules=rules) as model, open_illustrator(model) as illustrator:
            with pytest.raises(UnusableOutputError) as caught:
                await illustrator.image(REQUEST, 0)

    assert str(caught.value) == REFUSED


async def test_an_image_may_be_on_the_server_that_made_it_and_behind_its_redirects() -> None:
    rules = [
        Rule(kind="image", do=Picture(as_url=True)),
        Rule(kind="file", nth=1, do=HttpError(status=307, headers={"location": "/files?name=png&of=42"})),
    ]
    async with ScriptedModel(rules=rules) as model, open_illustrator(model) as illustrator:
        assert await illustrator.image(REQUEST, 0) == png(42)


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedModel() as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
        async with open_chat(proxy, OPENAI_BASE_URL="http://model.test") as chat:
            with pytest.raises(ModelRejectedRequestError, match=r"http://model\.test/chat/completions"):
                await chat.complete(MESSAGES)
        monkeypatch.setenv("no_proxy", "model.test")
        async with open_chat(proxy, OPENAI_BASE_URL="http://model.test") as chat:
            with pytest.raises(ModelUnreachableError, match=r"model\.test has no address"):
                await chat.complete(MESSAGES)


async def test_a_key_is_rejected_in_the_words_of_its_setting() -> None:
    async with (
        ScriptedModel(rules=[Rule(do=client_error(400, "API key not valid."))]) as model,
        open_chat(model) as chat,
    ):
        with pytest.raises(ModelRejectedKeyError, match="Check OPENAI_API_KEY"):
            await chat.complete(MESSAGES)
