"""Conversations through `/chat/completions`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any

import httpx2
import msgspec
import openai

from aether.adapters.openai.completions import whole
from aether.adapters.openai.failures import translated
from aether.adapters.openai.streaming import StreamedAnswer
from aether.adapters.openai.transfers import lost
from aether.errors import ModelRejectedRequestError, ModelUnreachableError, UnusableOutputError
from aether.workflows.llm.ports import Form, Message, OnText, Reply


class Options(msgspec.Struct, frozen=True):
    """Further members of the request body: always, and on top of them for answers in the form of this name."""

    always: dict[str, Any] = {}  # Any: what servers accept here has no bounds
    formed: dict[str, dict[str, Any]] = {}


_STREAMED: list[dict[str, Any]] = [{"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}]
_END_S = 1.0
_ABOUT_THE_BODY = frozenset({400, 422})
# What the client tells of itself and its machine: half of a call's headers, which are held for as long as the call.
_TOLD = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async", "Retry-Count", "Read-Timeout")
_UNTOLD: openai.RequestOptions = {"headers": {f"X-Stainless-{name}": openai.Omit() for name in _TOLD}}


class OpenAIChat:
    """The `ChatModel` on an OpenAI-compatible server.

    Servers differ in how they hold a model to JSON: by schema, as any object, or not at all; and in how they stream: so
    that usage is told, without it, or not at all. The first refusal of one way leads to the next, and what has worked
    is remembered for each model.
    """

    def __init__(self, client: openai.AsyncOpenAI, model: str, total_timeout: float, options: Options) -> None:
        self._client = client
        self._address = f"{client.base_url}chat/completions"  # a relative one would be joined and parsed for each call
        self._model = model
        self._total_timeout = total_timeout
        self._options = options
        self._forming = _Learned()
        self._streaming = _Learned()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Make the call, which costs several times as much if the text is to be told as it comes."""
        name = model or self._model
        body = {"model": name, "messages": messages, **self._options.always}
        if form is not None:
            body |= self._options.formed.get(form.name, {})
            return await self._forming.first([partial(self._whole, body | way) for way in _ways(form)], name)
        if on_text is None:
            return await self._whole(body)
        ways = [partial(self._streamed, body | way, on_text) for way in _STREAMED]
        return await self._streaming.first([*ways, partial(self._at_once, body, on_text)], name)

    async def _at_once(self, body: dict[str, Any], on_text: OnText) -> Reply:
        reply = await self._whole(body)
        if reply.text:
            on_text(reply.text)
        return reply

    async def _whole(self, body: dict[str, Any]) -> Reply:
        async with self._limited():
            response = await self._post(body, stream=False)
        return whole(response.content)

    async def _streamed(self, body: dict[str, Any], on_text: OnText) -> Reply:
        answer = StreamedAnswer(on_text)
        async with self._limited(), aclosing(await self._post(body, stream=True)) as response:
            pieces = response.aiter_bytes()
            async for piece in pieces:
                answer.feed(piece)
                if answer.done:
                    await _let_end(pieces)
        return answer.reply()

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._total_timeout):
                yield
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {self._total_timeout:g} s") from error
        except openai.APIError as error:
            raise translated(error) from error
        except httpx2.RequestError as error:
            raise lost(error) from error

    async def _post(self, body: dict[str, Any], *, stream: bool) -> httpx2.Response:
        # The typed method would check and convert the whole request and answer, at ten times the cost, for each piece
        # of a stream again.
        return await self._client.post(
            self._address, cast_to=httpx2.Response, body=msgspec.to_builtins(body), options=_UNTOLD, stream=stream
        )


class _Learned:
    """Which of several ways to ask, from the best to the plainest, each model's server takes."""

    def __init__(self) -> None:
        self._way: dict[str, int] = {}

    async def first(self, ways: Sequence[Callable[[], Awaitable[Reply]]], model: str) -> Reply:
        """Go the first way that is not refused."""
        refusal: ModelRejectedRequestError | None = None
        for at in range(self._way.get(model, 0), len(ways)):
            try:
                reply = await ways[at]()
            except ModelRejectedRequestError as error:
                if error.status not in _ABOUT_THE_BODY:
                    raise
                # Which member it objects to is told in too many words to read; the plainest request settles it.
                refusal = refusal or error
            else:
                self._way[model] = at
                return reply
        raise refusal or UnusableOutputError("no way to ask is left")


def _ways(form: Form) -> list[dict[str, Any]]:
    schema = {"name": form.name, "schema": form.schema, "strict": True}
    return [
        {"response_format": {"type": "json_schema", "json_schema": schema}},
        {"response_format": {"type": "json_object"}},
        {},
    ]


async def _let_end(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end that is all that is left, so that the connection can be used again."""
    with suppress(TimeoutError, httpx2.RequestError):
        async with asyncio.timeout(_END_S):
            async for _ in pieces:
                pass
