"""Conversations through `/chat/completions`."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import httpx2
import msgspec
import openai

from aether.adapters.openai.failures import translated
from aether.domain.job import Usage
from aether.errors import (
    ModelRejectedRequestError,
    ModelUnreachableError,
    UnusableOutputError,
)
from aether.workflows.ports import Form, Message, Reply


class Options(msgspec.Struct, frozen=True):
    """Further members of the request body: always, and on top of them for answers in a form."""

    always: dict[str, Any] = {}  # Any: what servers accept here has no bounds
    formed: dict[str, Any] = {}


class _Said(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Said
    finish_reason: str | None = None


class _Tokens(msgspec.Struct, frozen=True):
    prompt_tokens: float | None = None  # whole numbers, but not every server writes them so
    completion_tokens: float | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: _Tokens | None = None


_ABOUT_THE_BODY = frozenset({400, 422})
# Some servers leave a reasoning model's thoughts in the answer.
_THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
_decoder = msgspec.json.Decoder(_Completion)


class OpenAIChat:
    """The `ChatModel` on an OpenAI-compatible server.

    Servers differ in how they hold a model to JSON: by schema, as any object, or not at all. The first refusal of one
    way leads to the next, and what has worked is remembered for each model.
    """

    def __init__(self, client: openai.AsyncOpenAI, model: str, total_timeout: float, options: Options) -> None:
        self._client = client
        self._model = model
        self._total_timeout = total_timeout
        self._options = options
        self._way: dict[str, int] = {}

    async def complete(
        self, messages: Sequence[Message], *, model: str | None = None, form: Form | None = None
    ) -> Reply:
        """Make the call."""
        name = model or self._model
        body = {"model": name, "messages": messages, **self._options.always}
        if form is None:
            return await self._post(body)
        return await self._formed(body | self._options.formed, form, name)

    async def _formed(self, body: dict[str, Any], form: Form, model: str) -> Reply:
        ways = _ways(form)
        refusal: ModelRejectedRequestError | None = None
        for way in range(self._way.get(model, 0), len(ways)):
            try:
                reply = await self._post(body | ways[way])
            except ModelRejectedRequestError as error:
                if error.status not in _ABOUT_THE_BODY:
                    raise
                # Which member it objects to is told in too many words to read; the plainest request settles it.
                refusal = refusal or error
            else:
                self._way[model] = way
                return reply
        raise refusal or UnusableOutputError("no way to ask for JSON is left")

    async def _post(self, body: dict[str, Any]) -> Reply:
        try:
            async with asyncio.timeout(self._total_timeout):
                # The typed method would check and convert the whole request and answer, at ten times the cost.
                response = await self._client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=msgspec.to_builtins(body)
                )
        except TimeoutError as error:
            raise ModelUnreachableError(f"no complete answer within {self._total_timeout:g} s") from error
        except openai.APIError as error:
            raise translated(error) from error
        return _reply(response.content)


def _ways(form: Form) -> list[dict[str, Any]]:
    schema = {"name": form.name, "schema": form.schema, "strict": True}
    return [
        {"response_format": {"type": "json_schema", "json_schema": schema}},
        {"response_format": {"type": "json_object"}},
        {},
    ]


def _reply(content: bytes) -> Reply:
    try:
        completion = _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise UnusableOutputError("it is no chat completion") from error
    if not completion.choices:
        raise UnusableOutputError("it has no choices")
    choice, tokens = completion.choices[0], completion.usage or _Tokens()
    usage = Usage(1, int(tokens.prompt_tokens or 0), int(tokens.completion_tokens or 0))
    text = _THOUGHTS.sub("", choice.message.content or "")
    return Reply(text, choice.finish_reason == "length", usage, _refusal(choice))


def _refusal(choice: _Choice) -> str | None:
    filtered = "its content filter stopped the answer." if choice.finish_reason == "content_filter" else None
    return choice.message.refusal or filtered
