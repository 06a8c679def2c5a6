import asyncio
import base64
import json
import logging
import re
import socket

import pytest

from aether.domain.image import GenerationRequest, Image
from aether.domain.job import Usage
from aether.durable.token_budget import TokenMeter, use_meter
from aether.errors import (
    AetherError,
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from tests.scripted_model import (
    NAMED,
    Action,
    HttpError,
    Picture,
    Rule,
    ScriptedModel,
    Setup,
    Slow,
    Trickle,
    client_error,
    html_page,
    png,
    rate_limit_error,
    size_error,
)
from tests.service.illustrator_factory import KEY, REQUEST, open_illustrator

IMAGE_BY_URL = Rule(kind="image", do=Picture(as_url=True))


async def generate_image(*rules: Rule, **environment: str) -> bytes:
    async with ScriptedModel(rules=rules) as model, open_illustrator(model, **environment) as illustrator:
        return await illustrator.image(REQUEST, 0)


async def error_from(*rules: Rule, **environment: str) -> AetherError:
    """Return the error of an image's generation, and see that the model is asked once."""
    async with ScriptedModel(rules=rules) as model, open_illustrator(model, **environment) as illustrator:
        with pytest.raises(AetherError) as caught:
            await illustrator.image(REQUEST, 0)
        assert model.count(kind="image") == 1
        assert model.count(kind="file") <= 4
    assert KEY not in f"{caught.value!s} {caught.value!r}"
    return caught.value


def answer(body: object) -> Rule:
    return Rule(kind="image", do=HttpError(status=200, body=json.dumps(body)))


async def test_an_image_in_the_answer_is_returned() -> None:
    async with ScriptedModel() as model, open_illustrator(model) as illustrator:
        content = await illustrator.image(REQUEST, 0)

        [call] = model.calls()
    assert content == png(call.seq)
    assert call.body == {"model": "scripted-painter", "prompt": "A lighthouse in a storm", "n": 1}
    assert call.headers["authorization"] == f"Bearer {KEY}"


async def test_an_image_at_an_address_is_downloaded_without_the_key() -> None:
    async with ScriptedModel(rules=[IMAGE_BY_URL]) as model, open_illustrator(model) as illustrator:
        content = await illustrator.image(REQUEST, 0)

        [generated] = model.calls(kind="image")
        [downloaded] = model.calls(kind="file")
    assert content == png(generated.seq)
    assert KEY not in str(downloaded.headers)


async def test_the_size_is_sent_unless_it_is_left_to_the_model() -> None:
    async with ScriptedModel() as model, open_illustrator(model) as illustrator:
        await illustrator.image(GenerationRequest("Fog", size="1536x1024"), 0)
        await illustrator.image(GenerationRequest("Fog", size="auto"), 0)

        assert [call.body.get("size") for call in model.calls()] == ["1536x1024", None]


async def test_the_operator_s_options_go_into_every_call() -> None:
    options = {"AETHER_IMAGE_OPTIONS": '{"quality": "low", "size": "512x512"}'}
    async with ScriptedModel() as model, open_illustrator(model, **options) as illustrator:
        await illustrator.image(REQUEST, 0)

        [call] = model.calls()
    assert (call.body["quality"], call.body["size"], call.body["n"]) == ("low", "512x512", 1)


@pytest.mark.parametrize(
    "member",
    [
        {"b64_json": base64.b64encode(png(7)).decode()},
        {"b64_json": base64.encodebytes(png(7)).decode()},
        {"b64_json": "data:image/png;base64," + base64.b64encode(png(7)).decode()},
        {"url": "data:image/png;base64," + base64.b64encode(png(7)).decode()},
        {"url": None, "b64_json": base64.b64encode(png(7)).decode(), "revised_prompt": "Fog."},
    ],
)
async def test_every_form_in_which_servers_send_an_image_is_understood(member: dict[str, str]) -> None:
    assert png(7) == await generate_image(answer({"created": 1, "data": [member]}))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage(1)),
        ({}, Usage(1)),
        ({"input_tokens": 9, "output_tokens": 272.0, "total_tokens": 281}, Usage(1, 9, 272)),
        ({"input_tokens": None, "output_tokens": 7}, Usage(1, 0, 7)),
    ],
)
async def test_what_an_image_cost_is_counted(usage: object, expected: Usage) -> None:
    body = {"data": [{"b64_json": base64.b64encode(png(7)).decode()}], "usage": usage}
    meter = TokenMeter()
    with use_meter(meter):
        await generate_image(answer(body))

    assert meter.usage == expected


async def test_an_image_that_could_not_be_downloaded_is_counted() -> None:
    """It is on the bill."""
    meter = TokenMeter()
    with use_meter(meter):
        await error_from(IMAGE_BY_URL, Rule(kind="file", do=NAMED["reset"]))

    assert meter.usage == Usage(1)


GENERATION_FAULTS: dict[str, tuple[Action, type[AetherError], str]] = {
    "401": (NAMED["401"], ModelRejectedKeyError, "API key (HTTP 401)"),
    "404": (NAMED["404"], ModelRejectedRequestError, "does not exist"),
    "bad size": (size_error("1x1"), ModelRejectedRequestError, "(HTTP 400): Invalid value: '1x1'."),
    "against policy": (NAMED["policy"], ModelRefusedError, "rejected as a result of our safety system"),
    "moderated": (client_error(400, "Blocked.", "moderation_blocked"), ModelRefusedError, "Blocked."),
    "429": (rate_limit_error(after_s=7), ModelOverloadedError, "overloaded (HTTP 429)"),
    "500": (NAMED["500"], ModelFailedError, "failed (HTTP 500)"),
    "a proxy's 502": (html_page(502), ModelFailedError, "failed (HTTP 502)"),
    "reset": (NAMED["reset"], ModelUnreachableError, "the connection was lost."),
    "reset in the body": (NAMED["reset-body"], ModelUnreachableError, "it closed the connection within its answer."),
    "truncated": (NAMED["truncate"], ModelUnreachableError, "it closed the connection within its answer."),
    "a page instead": (html_page(200), UnusableOutputError, "it is a web page and it is no answer with images"),
    "an error with 200": (HttpError(status=200), ModelFailedError, "failed (HTTP 500): The server had an error"),
    "an error with 200 in another form": (
        HttpError(status=200, body='{"success": false, "errors": [{"message": "Too many requests"}]}'),
        ModelOverloadedError,
        "Too many requests",
    ),
    "an error with 200 in a sentence": (
        HttpError(status=200, body='{"detail": "The model is loading, please try again later."}'),
        ModelOverloadedError,
        "is loading",
    ),
    "an error with 200 in a list": (
        HttpError(status=200, body='[{"error": {"code": 400, "message": "No."}}]'),
        ModelRejectedRequestError,
        "(HTTP 400): No.",
    ),
    "an error with 200 in place of the image": (
        HttpError(status=200, body='{"data": [{"error": {"code": "content_filter", "message": "No."}}]}'),
        ModelRefusedError,
        "No.",
    ),
    "an error with 200 in plain words": (
        HttpError(status=200, body="Too many requests", content_type="text/plain"),
        ModelOverloadedError,
        "Too many requests",
    ),
    "an empty body": (HttpError(status=200, body=""), UnusableOutputError, "it is empty"),
    "no images": (HttpError(status=200, body='{"data": []}'), UnusableOutputError, "it has no image"),
    "an empty image": (HttpError(status=200, body='{"data": [{}]}'), UnusableOutputError, "it has no image"),
    "half a digit": (HttpError(status=200, body='{"data": [{"b64_json": "A"}]}'), UnusableOutputError, "no base64"),
    "no ASCII": (HttpError(status=200, body='{"data": [{"b64_json": "ä"}]}'), UnusableOutputError, "no base64"),
    "too large": (Picture(file="large"), UnusableOutputError, "it is larger than"),
}


@pytest.mark.parametrize(("action", "expected", "text"), GENERATION_FAULTS.values(), ids=GENERATION_FAULTS)
async def test_every_failure_to_generate_an_image_has_an_error_of_its_own(
    action: Action, expected: type[AetherError], text: str
) -> None:
    error = await error_from(Rule(kind="image", do=action))

    assert type(error) is expected
    assert text in str(error)


@pytest.mark.parametrize(
    ("environment", "setting"), [({}, "OPENAI_API_KEY"), ({"AETHER_IMAGE_API_KEY": KEY}, "AETHER_IMAGE_API_KEY")]
)
async def test_a_rejected_key_is_named_by_where_it_is_set(environment: dict[str, str], setting: str) -> None:
    error = await error_from(Rule(kind="image", do=NAMED["401"]), **environment)

    assert str(error).endswith(f" Check {setting}.")


DOWNLOAD_FAULTS: dict[str, tuple[Action, type[AetherError], str]] = {
    "404": (NAMED["404"], ModelFailedError, "failed (HTTP 404)"),
    "429": (rate_limit_error(after_s=7), ModelFailedError, "failed (HTTP 429)"),
    "500": (NAMED["500"], ModelFailedError, "failed (HTTP 500)"),
    "reset": (NAMED["reset"], ModelUnreachableError, "the connection was lost."),
    "reset in the body": (NAMED["reset-body"], ModelUnreachableError, "it closed the connection within its answer."),
    "truncated": (NAMED["truncate"], ModelUnreachableError, "it closed the connection within its answer."),
    "hang": (NAMED["hang"], ModelUnreachableError, "did not answer in time"),
    "hang in the body": (NAMED["hang-body"], ModelUnreachableError, "did not answer in time"),
    "to a file": (
        HttpError(status=302, headers={"location": "file:///etc/passwd"}),
        UnusableOutputError,
        "HTTP",
    ),
    "to itself": (
        HttpError(status=302, headers={"location": "?name=png"}),
        ModelUnreachableError,
        "its image is behind more than 3 redirects",
    ),
    "to nowhere": (HttpError(status=302), ModelFailedError, "failed (HTTP 302)"),
}


@pytest.mark.parametrize(("action", "expected", "text"), DOWNLOAD_FAULTS.values(), ids=DOWNLOAD_FAULTS)
async def test_every_failure_to_download_an_image_has_an_error_of_its_own(
    action: Action, expected: type[AetherError], text: str
) -> None:
    error = await error_from(IMAGE_BY_URL, Rule(kind="file", do=action))

    assert type(error) is expected
    assert text in str(error)


async def test_the_wait_that_the_image_s_own_server_asks_for_is_in_the_error() -> None:
    error = await error_from(IMAGE_BY_URL, Rule(kind="file", do=rate_limit_error(after_s=7)))

    assert isinstance(error, ModelFailedError)
    assert (error.status, error.retry_after) == (429, 7)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x.png",
        "/x.png",
        "http://",
        "http://a:b",
        "http://a:65536",
        "data:,Hello",
        "http:x",
    ],
)
async def test_an_address_that_is_not_on_the_web_is_not_followed(url: str) -> None:
    error = await error_from(Rule(kind="image", do=Picture(url=url)))

    assert type(error) is UnusableOutputError


async def test_a_redirect_leads_to_the_image() -> None:
    elsewhere = Rule(kind="file", nth=1, do=HttpError(status=302, headers={"location": "?name=png&of=42"}))

    assert png(42) == await generate_image(IMAGE_BY_URL, elsewhere)


@pytest.mark.parametrize("file", ["html", "svg", "truncated"])
async def test_what_is_no_image_is_returned_for_the_caller_to_see(file: str) -> None:
    picture = Picture(file=file, as_url=True)  # type: ignore[arg-type]  # mypy takes a parameter for any string

    assert Image.of(await generate_image(Rule(kind="image", do=picture))) is None


async def test_no_more_of_a_file_is_read_than_an_image_may_have() -> None:
    """The rest of an endless one is not waited for."""
    rules = [
        Rule(kind="image", do=Picture(as_url=True, file="large")),
        Rule(kind="file", do=Trickle(total_ms=20_000, pieces=200)),
    ]
    async with (
        ScriptedModel(rules=rules) as model,
        open_illustrator(model, AETHER_IMAGE_MAX_BYTES="999") as illustrator,
    ):
        with pytest.raises(UnusableOutputError, match="it is larger than 999 bytes"):
            await illustrator.image(REQUEST, 0)
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))


async def test_the_limit_for_an_image_in_the_answer_is_exact_to_the_byte() -> None:
    size = len(png(1))

    assert png(1) == await generate_image(AETHER_IMAGE_MAX_BYTES=str(size))
    assert f"larger than {size - 1} bytes" in str(await error_from(AETHER_IMAGE_MAX_BYTES=str(size - 1)))


async def test_an_answer_that_takes_longer_than_between_two_words_of_a_text_is_waited_for() -> None:
    """Nothing is heard of an image before it is finished: only the total time counts."""
    slow = Rule(kind="image", do=Slow(first_byte_ms=600))

    assert await generate_image(slow, AETHER_MODEL_READ_TIMEOUT="0.2")


async def test_an_answer_that_never_comes_is_given_up_after_the_total_time() -> None:
    error = await error_from(Rule(kind="image", do=NAMED["hang"]), AETHER_MODEL_TOTAL_TIMEOUT="0.4")

    assert type(error) is ModelUnreachableError
    assert re.search("no complete answer within 0.4 s|did not answer in time", str(error))


async def test_a_download_that_trickles_in_is_given_up_after_the_total_time() -> None:
    drips = Rule(kind="file", do=Trickle(total_ms=5_000, pieces=50))
    error = await error_from(IMAGE_BY_URL, drips, AETHER_MODEL_TOTAL_TIMEOUT="0.4")

    assert "no complete answer within 0.4 s" in str(error)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with open_illustrator(ScriptedModel(), OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1") as illustrator:
        with pytest.raises(ModelUnreachableError):
            await illustrator.image(REQUEST, 0)


async def test_images_may_come_from_a_server_of_their_own_which_gets_no_other_key() -> None:
    async with ScriptedModel() as texts, ScriptedModel() as images:
        own = {"AETHER_IMAGE_BASE_URL": images.base_url}
        for keys in ({}, {"AETHER_IMAGE_API_KEY": "sk-its-own"}):
            async with open_illustrator(texts, **own, **keys) as illustrator:
                await illustrator.image(REQUEST, 0)

        assert not texts.calls()
        assert [call.headers["authorization"] for call in images.calls()] == ["Bearer none", "Bearer sk-its-own"]


async def test_images_may_have_a_key_of_their_own_on_the_same_server() -> None:
    async with (
        ScriptedModel(Setup(api_key="sk-its-own")) as model,
        open_illustrator(model, AETHER_IMAGE_API_KEY="sk-its-own") as illustrator,
    ):
        assert await illustrator.image(REQUEST, 0)


async def test_a_cancelled_call_closes_its_connection() -> None:
    async with ScriptedModel(rules=[Rule(do=NAMED["hang"])]) as model, open_illustrator(model) as illustrator:
        asking = asyncio.create_task(illustrator.image(REQUEST, 0))
        await model.wait_for(lambda record: record.in_flight == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await model.wait_for(lambda record: record.calls(outcome="disconnected"))


@pytest.mark.parametrize("fault", ["401", "500", "reset"])
async def test_the_key_is_in_no_log(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await error_from(Rule(kind="image", do=NAMED[fault]))

    assert KEY not in caplog.text
