import base64
import json
import urllib.error
import urllib.request

import openai
import pytest
from openai.types import ImagesResponse

from aether.domain.image import Image
from tests.scripted_model import (
    NAMED,
    HttpError,
    Mix,
    Model,
    ModelProcess,
    Picture,
    Rule,
    ScriptedModel,
    Setup,
    png,
    policy_error,
    rate_limit_error,
    size_error,
)
from tests.scripted_model.client import client_of
from tests.waiting import PATIENCE_S


async def paint(model: Model, n: int = 1, **parameters: object) -> ImagesResponse:
    async with client_of(model) as client:
        return await client.images.generate(model="scripted-painter", prompt="A lighthouse", n=n, extra_body=parameters)


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310 - the scripted model's own
        body: bytes = answer.read()
        return body


async def test_each_image_is_a_real_one_and_another() -> None:
    async with ScriptedModel() as model:
        answers = [await paint(model) for _ in range(3)]

    contents = [base64.b64decode(answer.data[0].b64_json or "") for answer in answers if answer.data]
    assert contents == [png(1), png(2), png(3)]
    assert [image.media_type for content in contents if (image := Image.of(content))] == ["image/png"] * 3
    assert answers[0].usage is not None
    assert answers[0].usage.output_tokens == 272


async def test_calls_are_recorded_with_their_prompt() -> None:
    async with ScriptedModel() as model:
        await paint(model, size="1024x1024")

        [call] = model.calls(kind="image", topic="A lighthouse")
    assert (call.nth, call.outcome, call.model, call.body["size"]) == (1, "answered", "scripted-painter", "1024x1024")


async def test_an_image_may_lie_at_an_address_of_the_same_server() -> None:
    async with ScriptedModel(rules=[Rule(do=Picture(as_url=True))]) as model:
        answer = await paint(model, n=2)
        assert answer.data is not None
        contents = [fetch(image.url or "") for image in answer.data]

        assert contents == [png(1), png(1)]
        assert [(call.index, call.nth, call.outcome) for call in model.calls(kind="file")] == [
            (1, 1, "answered"),
            (1, 2, "answered"),
        ]
    assert answer.usage is None


@pytest.mark.parametrize("file", ["html", "svg", "truncated", "empty"])
async def test_what_lies_there_may_be_no_image(file: str) -> None:
    picture = Picture(file=file, as_url=True)  # type: ignore[arg-type]  # mypy takes a parameter for any string
    async with ScriptedModel(rules=[Rule(kind="image", do=picture)]) as model:
        answer = await paint(model)
        assert answer.data is not None

        assert Image.of(fetch(answer.data[0].url or "")) is None
        assert [f"fault:{file}"] == [call.outcome for call in model.calls(kind="image")]


async def test_or_a_large_one_or_nothing() -> None:
    rules = [
        Rule(kind="image", nth=1, do=Picture(file="large", as_url=True)),
        Rule(do=Picture(file="missing", as_url=True)),
    ]
    async with ScriptedModel(rules=rules) as model:
        large, missing = [await paint(model), await paint(model)]
        assert large.data is not None
        assert missing.data is not None
        image = Image.of(fetch(large.data[0].url or ""))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(missing.data[0].url or "")

    assert image is not None
    assert image.size > 300_000


async def test_a_file_meets_the_faults_of_its_rules() -> None:
    rules = [Rule(kind="image", do=Picture(as_url=True)), Rule(kind="file", nth=1, do=NAMED["500"])]
    async with ScriptedModel(rules=rules) as model:
        answer = await paint(model)
        assert answer.data is not None
        address = answer.data[0].url or ""
        with pytest.raises(urllib.error.HTTPError, match="500"):
            fetch(address)

        assert fetch(address) == png(1)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (policy_error(), openai.BadRequestError, "content_policy_violation"),
        (size_error("1x1"), openai.BadRequestError, "invalid_value"),
        (rate_limit_error(after_s=2), openai.RateLimitError, "rate_limit_exceeded"),
    ],
)
async def test_a_fault_reaches_the_client_as_its_error(
    fault: HttpError, error: type[openai.APIStatusError], code: str
) -> None:
    async with ScriptedModel(rules=[Rule(kind="image", do=fault)]) as model:
        with pytest.raises(error) as caught:
            await paint(model)

    assert caught.value.code == code


async def test_what_is_not_supported_is_a_400_and_counts_as_no_try() -> None:
    async with ScriptedModel(Setup(reject_params=("response_format",))) as model:
        with pytest.raises(openai.BadRequestError, match="response_format"):
            await paint(model, response_format="url")
        with pytest.raises(openai.BadRequestError, match="Invalid request"):
            await paint(model, prompt=7)
        await paint(model)

        assert [(call.outcome, call.nth) for call in model.calls()] == [
            ("rejected:400", 0),
            ("rejected:400", 0),
            ("answered", 1),
        ]


async def test_the_random_mix_holds_no_texts_for_images() -> None:
    mix = Mix(rate=1, faults=("empty", "length", "wrong-shape", "500"))
    async with ScriptedModel(Setup(faults=mix)) as model:
        for _ in range(5):
            with pytest.raises(openai.InternalServerError):
                await paint(model)


async def test_a_process_paints_like_a_thread() -> None:
    with ModelProcess(rules=[Rule(kind="image", nth=1, do=Picture(file="svg"))]) as model:
        await paint(model)
        answer = await paint(model)

        assert [call.outcome for call in model.calls(kind="image")] == ["fault:svg", "answered"]
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "") == png(2)
    assert json.loads(answer.to_json())["created"] == 1_760_000_000
