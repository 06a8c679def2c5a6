"""Images from a model, through `/images/generations`."""

import asyncio
from typing import Any

import msgspec

from aether.adapters.openai.adaptation import adapt_option
from aether.adapters.openai.answers import error_in, first_object, read_tokens
from aether.adapters.openai.body import too_large
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.dialect_memory import DialectMemory
from aether.adapters.openai.errors import TEXTS, FailedCall, explain, translate
from aether.adapters.openai.http_api import ServerApi
from aether.adapters.openai.image_download import ImageDownload
from aether.adapters.openai.lenient_json import JsonDocument
from aether.adapters.openai.native_forms import JsonObject
from aether.adapters.openai.replies import usage_of
from aether.domain.image import AUTO, GenerationRequest
from aether.durable.token_budget import reserve_tokens
from aether.errors import ModelRejectedRequestError, ModelUnreachableError, UnusableOutputError

OTHER_FIELDS_BYTES = 65_536
"""Room in an answer for what is not the image: a revised prompt, usage, other fields."""

_PATH = "images/generations"
_MAX_WAYS = 6
_MAX_URL = 8_193
_MAX_PAGE = 16_384  # bytes that say what it is, if it is no answer with images
_NO_IMAGES = "it is no answer with images"


class ImageSettings(msgspec.Struct, frozen=True):
    """The model to call, additional fields of the request body, and limits in seconds and bytes.

    `settings` is the prefix of the server's settings, for error messages.
    """

    model: str
    options: dict[str, Any]  # Any: what servers accept here has no bounds
    total_timeout: float
    max_bytes: int
    settings: str = TEXTS


class OpenAIIllustrator:
    """The `Illustrator` on an OpenAI-compatible server.

    Some models answer with the image, others with its address. Some reject the field that chooses between the two, so
    it is not sent. An option of the operator that the server does not know is renamed or left out, once.
    """

    def __init__(self, api: ServerApi, download: ImageDownload, settings: ImageSettings) -> None:
        self._api = api
        self._url = api.address.endpoint(_PATH)
        self._download = download
        self._settings = settings
        self._memory = DialectMemory()

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        """Ask for one image. The request has no field for the position: the server makes another image each time."""
        del position
        seconds = self._settings.total_timeout
        try:
            async with asyncio.timeout(seconds):
                document, entry = await self._generate(request)
                return await self._content(document, entry)
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {seconds:g} s", timed_out=True) from error

    async def _generate(self, request: GenerationRequest) -> tuple[JsonDocument, JsonObject]:
        with reserve_tokens(0) as meter:  # nothing in the request says what an image costs
            document = await self._ask(request)
            value: JsonObject = first_object(document.value)
            meter.spend(usage_of(read_tokens(value.get("usage"))))
        images = value.get("data")
        if not isinstance(images, list) or not images or not isinstance(images[0], dict):
            raise UnusableOutputError("it has no image")
        return document, images[0]

    async def _ask(self, request: GenerationRequest) -> JsonDocument:
        dialect = self._memory.get(self._settings.model)
        for _ in range(_MAX_WAYS):
            try:
                document = await self._post(request, dialect)
            except FailedCall as failed:
                if not isinstance(failed.error, ModelRejectedRequestError):
                    raise failed.error from failed
                options = frozenset(dialect.translate(self._settings.options))
                adapted = adapt_option(dialect, failed.body, options)
                if adapted is None:
                    raise failed.error from failed
                dialect = adapted
            else:
                self._memory.learn(self._settings.model, 0, Dialect(), dialect, frozenset())
                return document
        raise UnusableOutputError("no way to ask is left")

    async def _post(self, request: GenerationRequest, dialect: Dialect) -> JsonDocument:
        body: dict[str, Any] = {"prompt": request.prompt, "model": self._settings.model, "n": 1}
        if request.size != AUTO:
            body["size"] = request.size
        target = self._api.target(_PATH, "AETHER_IMAGE_MODEL")
        content = msgspec.json.encode(body | dialect.translate(self._settings.options))
        async with self._api.limits(target):
            answer = await self._api.post(self._url, content)
        try:
            document = await JsonDocument.decode(answer)
        except UnusableOutputError as error:
            raise explain(UnusableOutputError(_NO_IMAGES), _NO_IMAGES, answer[:_MAX_PAGE], target) from error
        value = first_object(document.value)
        entry = first_object(value.get("data"))
        has_image = bool(entry.get("b64_json") or entry.get("url"))
        if not has_image and (described := error_in(document.value, value, entry)) is not None:
            raise FailedCall(translate(200, "", {}, described, target), described)
        return document

    async def _content(self, document: JsonDocument, entry: JsonObject) -> bytes:
        encoded, url = entry.get("b64_json"), entry.get("url")
        if isinstance(encoded, str) and encoded:
            return await self._decode(document, encoded)
        if not isinstance(url, str) or not url:
            raise UnusableOutputError("it has no image")
        if (await document.text(url, 5)) == "data:":
            return await self._decode(document, url)
        return await self._download.fetch(await document.text(url, _MAX_URL))

    async def _decode(self, document: JsonDocument, encoded: str) -> bytes:
        """Decode an image, with or without the prefix of a `data:` URL (RFC 2397)."""
        max_bytes = self._settings.max_bytes
        try:
            return await document.base64(encoded, max_bytes, too_large(max_bytes))
        except ValueError as error:
            raise UnusableOutputError("its image is no base64") from error
