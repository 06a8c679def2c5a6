"""Chat with a language model, through `/chat/completions`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any

import httpx2
import msgspec
import openai

from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.errors import translate_api_error, translate_transport_error
from aether.adapters.openai.streaming import StreamedCompletion
from aether.errors import ModelRejectedRequestError, ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Form, Message, OnText, Reply


class Options(msgspec.Struct, frozen=True):
    """Additional fields of the request body: for every call, and by form name for calls that ask for this form."""

    every_call: dict[str, Any] = {}  # Any: servers accept fields of all kinds here
    by_form: dict[str, dict[str, Any]] = {}


_STREAM_VARIANTS: list[dict[str, Any]] = [
    {"stream": True, "stream_options": {"include_usage": True}},
    {"stream": True},
]
_DRAIN_TIMEOUT_S = 1.0
_BAD_BODY_STATUSES = frozenset({400, 422})
# The client describes itself and its machine in these headers. They are half of a call's headers, and stay in memory
# as long as the call lasts.
_TELEMETRY = (
    *("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version"),
    *("Async", "Retry-Count", "Read-Timeout"),
)
_REQUEST_OPTIONS: openai.RequestOptions = {"headers": {f"X-Stainless-{name}": openai.Omit() for name in _TELEMETRY}}


class OpenAIChat:
    """The `ChatModel` on an OpenAI-compatible server.

    Servers differ in how they make a model answer in JSON: by a schema, as any object, or not at all. They also differ
    in how they stream: with usage, without it, or not at all. When a server rejects one variant of a request, the next
    is tried, and the variant that worked is remembered for each model.
    """

    def __init__(self, client: openai.AsyncOpenAI, model: str, total_timeout: float, options: Options) -> None:
        self._client = client
        self._url = f"{client.base_url}chat/completions"  # a relative one would be joined and parsed for each call
        self._model = model
        self._total_timeout = total_timeout
        self._options = options
        self._json_variants = _VariantMemory()
        self._stream_variants = _VariantMemory()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Make the call. With `on_text` it is streamed, which costs several times as much CPU."""
        name = model or self._model
        body = {"model": name, "messages": messages, **self._options.every_call}
        if form is not None:
            body |= self._options.by_form.get(form.name, {})
            calls = [partial(self._call, body | variant) for variant in _json_variants(form)]
            return await self._json_variants.first_accepted(calls, name)
        if on_text is None:
            return await self._call(body)
        streams = [partial(self._stream, body | variant, on_text) for variant in _STREAM_VARIANTS]
        fallback = partial(self._call_in_one_piece, body, on_text)
        return await self._stream_variants.first_accepted([*streams, fallback], name)

    async def _call_in_one_piece(self, body: dict[str, Any], on_text: OnText) -> Reply:
        reply = await self._call(body)
        if reply.text:
            on_text(reply.text)
        return reply

    async def _call(self, body: dict[str, Any]) -> Reply:
        async with self._translated_errors():
            response = await self._post(body, stream=False)
        return parse_completion(response.content)

    async def _stream(self, body: dict[str, Any], on_text: OnText) -> Reply:
        completion = StreamedCompletion(on_text)
        async with self._translated_errors(), aclosing(await self._post(body, stream=True)) as response:
            pieces = response.aiter_bytes()
            async for piece in pieces:
                completion.feed(piece)
                if completion.done:
                    await _drain(pieces)
        return completion.reply()

    @asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        """End what takes longer than the total timeout, and translate the client's errors."""
        try:
            async with asyncio.timeout(self._total_timeout):
                yield
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {self._total_timeout:g} s") from error
        except openai.APIError as error:
            raise translate_api_error(error) from error
        except httpx2.RequestError as error:
            raise translate_transport_error(error) from error

    async def _post(self, body: dict[str, Any], *, stream: bool) -> httpx2.Response:
        # The client's typed method would validate and convert the whole request and answer, and each piece of a stream,
        # at ten times the cost.
        return await self._client.post(
            self._url, cast_to=httpx2.Response, body=msgspec.to_builtins(body), options=_REQUEST_OPTIONS, stream=stream
        )


class _VariantMemory:
    """Remembers for each model which variant of a request its server accepts, from the richest to the plainest."""

    def __init__(self) -> None:
        self._accepted: dict[str, int] = {}

    async def first_accepted(self, variants: Sequence[Callable[[], Awaitable[Reply]]], model: str) -> Reply:
        """Return the reply to the first variant that the server does not reject."""
        rejection: ModelRejectedRequestError | None = None
        for index in range(self._accepted.get(model, 0), len(variants)):
            try:
                reply = await variants[index]()
            except ModelRejectedRequestError as error:
                if error.status not in _BAD_BODY_STATUSES:
                    raise
                # Servers word it too differently to tell which field they reject; the plainest request decides.
                rejection = rejection or error
            else:
                self._accepted[model] = index
                return reply
        raise rejection or UnusableOutputError("no way to ask is left")


def _json_variants(form: Form) -> list[dict[str, Any]]:
    schema = {"name": form.name, "schema": form.schema, "strict": True}
    return [
        {"response_format": {"type": "json_schema", "json_schema": schema}},
        {"response_format": {"type": "json_object"}},
        {},
    ]


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the rest of a finished stream, so that the connection can be used again."""
    with suppress(TimeoutError, httpx2.RequestError):
        async with asyncio.timeout(_DRAIN_TIMEOUT_S):
            async for _ in pieces:
                pass
