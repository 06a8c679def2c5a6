"""Images from a model, through `/images/generations`."""

import asyncio
import base64
import binascii
from typing import Any

import httpx2
import msgspec
import openai

from aether.adapters.openai.completions import token_count
from aether.adapters.openai.errors import TEXTS, translate_api_error, translate_transport_error
from aether.adapters.openai.image_download import download_image, image_too_large
from aether.domain.image import AUTO, GenerationRequest
from aether.domain.job import Usage
from aether.durable.token_budget import reserve_tokens
from aether.errors import ModelUnreachableError, UnusableOutputError
from aether.outbound.bounded_read import read_bounded

_OTHER_FIELDS_BYTES = 65_536
"""Room in an answer for what is not the image: a revised prompt, usage, other fields."""


class ImageSettings(msgspec.Struct, frozen=True):
    """The model to call, additional fields of the request body, and limits in seconds and bytes.

    `settings` is the prefix of the server's settings, for error messages.
    """

    model: str
    options: dict[str, Any]  # Any: what servers accept here has no bounds
    total_timeout: float
    max_bytes: int
    settings: str = TEXTS


class _Image(msgspec.Struct, frozen=True):
    b64_json: str | None = None
    url: str | None = None


class _TokenUsage(msgspec.Struct, frozen=True):
    input_tokens: float | None = None  # whole numbers, but not every server writes them so
    output_tokens: float | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: tuple[_Image, ...] | None = None
    usage: _TokenUsage | None = None


_decoder = msgspec.json.Decoder(_Answer)


class OpenAIIllustrator:
    """The `Illustrator` on an OpenAI-compatible server.

    Some models answer with the image, others with its address. Some reject the field that chooses between the two, so
    it is not sent. `web` downloads from addresses and must not send the server's key.
    """

    def __init__(self, client: openai.AsyncOpenAI, web: httpx2.AsyncClient, settings: ImageSettings) -> None:
        self._client = client
        self._web = web
        self._settings = settings

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        """Ask for one image. The request has no field for the position: the server makes another image each time."""
        del position
        try:
            async with asyncio.timeout(self._settings.total_timeout):
                return await self._content(await self._generate(request))
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {self._settings.total_timeout:g} s") from error

    async def _generate(self, request: GenerationRequest) -> _Image:
        with reserve_tokens(0) as meter:  # nothing in the request says what an image costs
            answer = _parse_answer(await self._post(request))
            tokens = answer.usage or _TokenUsage()
            meter.spend(Usage(1, token_count(tokens.input_tokens), token_count(tokens.output_tokens)))
        if not answer.data:
            raise UnusableOutputError("it has no image")
        return answer.data[0]

    async def _post(self, request: GenerationRequest) -> bytes:
        size = openai.omit if request.size == AUTO else request.size
        base64_bytes = -(-self._settings.max_bytes // 3) * 4
        max_bytes = base64_bytes + _OTHER_FIELDS_BYTES
        try:
            # Read in pieces, since the client itself would read an answer of any length.
            async with self._client.images.with_streaming_response.generate(
                prompt=request.prompt, model=self._settings.model, n=1, size=size, extra_body=self._settings.options
            ) as response:
                return await read_bounded(response.iter_bytes(), max_bytes, image_too_large(max_bytes))
        except openai.APIError as error:
            raise translate_api_error(error, self._settings.settings) from error
        except httpx2.RequestError as error:
            raise translate_transport_error(error, self._settings.settings) from error

    async def _content(self, image: _Image) -> bytes:
        if image.b64_json:
            return self._decode(image.b64_json)
        if not image.url:
            raise UnusableOutputError("it has no image")
        if image.url.startswith("data:"):
            return self._decode(image.url)
        return await download_image(self._web, image.url, self._settings.max_bytes)

    def _decode(self, base64_text: str) -> bytes:
        """Decode an image, with or without the prefix of a `data:` URL (RFC 2397)."""
        try:
            content = base64.b64decode(base64_text.rpartition(",")[2])
        except (binascii.Error, ValueError) as error:
            raise UnusableOutputError("its image is no base64") from error
        if len(content) > self._settings.max_bytes:
            raise image_too_large(self._settings.max_bytes)
        return content


def _parse_answer(content: bytes) -> _Answer:
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no answer with images") from error
