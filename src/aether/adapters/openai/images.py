"""Images through `/images/generations`."""

import asyncio
import base64
import binascii
from typing import Any

import httpx2
import msgspec
import openai

from aether.adapters.openai.completions import counted
from aether.adapters.openai.failures import TEXTS, translated
from aether.adapters.openai.transfers import fetched, limited, lost
from aether.domain.image import AUTO, GenerationRequest
from aether.domain.job import Usage
from aether.durable.token_budget import reserve_tokens
from aether.errors import ModelUnreachableError, UnusableOutputError

_AROUND = 65_536
"""What an answer may hold beside its image, in bytes: prompts that were revised, usage, other fields."""


class ImageSettings(msgspec.Struct, frozen=True):
    """What each call is made with: the model, further members of the request body, seconds and bytes at most.

    `settings` is what the settings of the server begin with, for whoever has to look at them.
    """

    model: str
    options: dict[str, Any]  # Any: what servers accept here has no bounds
    total_timeout: float
    max_bytes: int
    settings: str = TEXTS


class _Picture(msgspec.Struct, frozen=True):
    b64_json: str | None = None
    url: str | None = None


class _Tokens(msgspec.Struct, frozen=True):
    input_tokens: float | None = None  # whole numbers, but not every server writes them so
    output_tokens: float | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: tuple[_Picture, ...] | None = None
    usage: _Tokens | None = None


_decoder = msgspec.json.Decoder(_Answer)


class OpenAIIllustrator:
    """The `Illustrator` on an OpenAI-compatible server.

    Some models answer with the image, others with its address, and some refuse to be asked which: so nobody asks.
    `web` fetches from addresses and must not carry the server's key.
    """

    def __init__(self, client: openai.AsyncOpenAI, web: httpx2.AsyncClient, terms: ImageSettings) -> None:
        self._client = client
        self._web = web
        self._terms = terms

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        """Ask for one image; the server has no word for its position, and makes another one each time."""
        del position
        try:
            async with asyncio.timeout(self._terms.total_timeout):
                picture = await self._picture(request)
                return await self._content(picture)
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {self._terms.total_timeout:g} s") from error

    async def _picture(self, request: GenerationRequest) -> _Picture:
        with reserve_tokens(0) as meter:  # what an image costs is told by nothing in the request
            answer = _answer(await self._post(request))
            tokens = answer.usage or _Tokens()
            meter.spend(Usage(1, counted(tokens.input_tokens), counted(tokens.output_tokens)))
        if not answer.data:
            raise UnusableOutputError("it has no image")
        return answer.data[0]

    async def _post(self, request: GenerationRequest) -> bytes:
        size = openai.omit if request.size == AUTO else request.size
        most = -(-self._terms.max_bytes // 3) * 4 + _AROUND
        try:
            # Read in pieces, since the client itself would take in an answer of any length.
            async with self._client.images.with_streaming_response.generate(
                prompt=request.prompt, model=self._terms.model, n=1, size=size, extra_body=self._terms.options
            ) as response:
                return await limited(response.iter_bytes(), most)
        except openai.APIError as error:
            raise translated(error, self._terms.settings) from error
        except httpx2.RequestError as error:
            raise lost(error, self._terms.settings) from error

    async def _content(self, picture: _Picture) -> bytes:
        if picture.b64_json:
            return self._decoded(picture.b64_json)
        if not picture.url:
            raise UnusableOutputError("it has no image")
        if picture.url.startswith("data:"):
            return self._decoded(picture.url)
        return await fetched(self._web, picture.url, self._terms.max_bytes)

    def _decoded(self, base64_text: str) -> bytes:
        """Decode an image, with or without the head of a `data:` URL (RFC 2397) before it."""
        try:
            content = base64.b64decode(base64_text.rpartition(",")[2])
        except (binascii.Error, ValueError) as error:
            raise UnusableOutputError("its image is no base64") from error
        if len(content) > self._terms.max_bytes:
            raise UnusableOutputError(f"it is larger than {self._terms.max_bytes} bytes")
        return content


def _answer(content: bytes) -> _Answer:
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no answer with images") from error
