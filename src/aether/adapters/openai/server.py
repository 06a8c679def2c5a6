"""Model server: makes single calls to it, each exactly in the dialect that it is given."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from aether.adapters.openai.adaptation import Asked
from aether.adapters.openai.answers import MAX_JSON, MAX_TEXT, Answer
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.error_body import read_error
from aether.adapters.openai.errors import FailedCall, Target, explain, translate
from aether.adapters.openai.finish_reasons import ending_of
from aether.adapters.openai.http_api import ServerApi, drain
from aether.adapters.openai.lenient_json import NO_COMPLETION
from aether.adapters.openai.replies import make_reply
from aether.adapters.openai.streaming import StreamedCompletion
from aether.domain.plain_text import is_blank
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Form, Message, OnText, Reply
from aether.workflows.llm.text_bound import current_text_bound

_PATH = "chat/completions"
_ONLY_THINKING_HINT = "check the server's reasoning parser, or ask for less thinking in AETHER_MODEL_OPTIONS"
_DECISIVE = 10  # bytes that tell a stream from anything else
_WAIT_FOR_USAGE_S = 1.5
"""How long the usage, or the end of the stream, may come after the end of the answer."""
_BEGIN_OF_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}(?:data|event|id|retry)?:")
_STREAM_FIELDS: Mapping[str, dict[str, Any]] = {
    "usage": {"stream": True, "stream_options": {"include_usage": True}},
    "plain": {"stream": True},
}


class Call(msgspec.Struct, frozen=True):
    """One call: the model, the conversation, the form of the answer, and options: the operator's, and of sampling.

    `model_setting` is the setting of the model; None if the request named a model of its own.
    """

    model: str
    messages: Sequence[Message]
    form: Form | None = None
    options: Mapping[str, Any] = {}  # Any: servers accept fields of all kinds here
    model_setting: str | None = "AETHER_MODEL"

    @property
    def wants_json(self) -> bool:
        """Whether the answer must be JSON."""
        return self.form is not None and self.form.is_json


def asked_of(call: Call, dialect: Dialect, *, streams: bool) -> Asked:
    """Return what a call in this dialect asks for."""
    has_system = any(message.role == "system" for message in call.messages)
    options = frozenset(dialect.translate(call.options)) if call.options else frozenset()
    return Asked(call.model, options, call.wants_json, has_system, streams)


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a call: the reply, and what it tells about the model."""

    reply: Reply
    has_silent_thinking: bool = False
    is_empty: bool = False
    is_streamed: bool = False


class ChatServer:
    """One server of language models."""

    def __init__(self, api: ServerApi) -> None:
        self._api = api
        self._url = api.address.endpoint(_PATH)

    async def ask(self, call: Call, dialect: Dialect, *, streams: bool, on_text: OnText | None = None) -> Outcome:
        """Make a call.

        Raises:
            FailedCall: the server answered with an error.
            ModelUnreachableError, UnusableOutputError: there was no answer, or none that can be read.
        """
        body = _body(call, dialect, streams=streams)
        target = self._api.target(_PATH, call.model_setting)
        wants_json = call.wants_json
        max_chars = MAX_JSON if wants_json else MAX_TEXT
        completion = StreamedCompletion(
            on_text,
            holds=dialect.silent_thinking,
            max_chars=max_chars,
            enough=None if wants_json else current_text_bound(),
        )
        async with self._api.limits(target):
            with _explained(completion, target):
                answer = await (self._stream(body, completion) if streams else self._whole(body, completion))
        if answer.error is not None:
            error = translate(200, "", {}, answer.error, target)
            raise FailedCall(error, answer.error, is_late=completion.has_text)
        reply = make_reply(answer, completion.thinking, wants_json=wants_json, max_chars=max_chars)
        if reply.defect is not None and ending_of(answer.finish_reason) == "complete":
            reply = replace(reply, defect=f"{reply.defect}; {_ONLY_THINKING_HINT}")
        return Outcome(reply, completion.thinking.has_silent_thinking, is_blank(reply.text), streams)

    async def _stream(self, body: bytes, completion: StreamedCompletion) -> Answer:
        async with self._api.stream(self._url, body) as pieces:
            await _receive(pieces, completion)
        return await completion.answer()

    async def _whole(self, body: bytes, completion: StreamedCompletion) -> Answer:
        async with self._api.stream(self._url, body) as pieces:
            beginning = b""
            while len(beginning.strip()) < _DECISIVE and (piece := await anext(pieces, b"")):
                beginning += piece
            if _BEGIN_OF_STREAM.match(beginning):  # from a server that only knows streams
                await completion.feed(beginning)
                await _receive(pieces, completion)
                return await completion.answer()
            content = await self._api.read(pieces, beginning)
        return await completion.read_whole(content)


async def _receive(pieces: AsyncIterator[bytes], completion: StreamedCompletion) -> None:
    while not completion.has_enough and (piece := await _next_piece(pieces, completion)) is not None:
        await completion.feed(piece)
        if completion.done:
            await drain(pieces)
    if completion.has_enough:
        completion.cut()


async def _next_piece(pieces: AsyncIterator[bytes], completion: StreamedCompletion) -> bytes | None:
    """Return the next piece of a stream; None at its end, or where it may be taken for the end."""
    try:
        if completion.finished_at is None:
            return await anext(pieces, None)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(completion.finished_at + _WAIT_FOR_USAGE_S):
                return await anext(pieces, None)
    except UnusableOutputError:  # it is too large
        if not completion.may_be_cut:
            raise
        completion.cut()
    return None


@contextmanager
def _explained(completion: StreamedCompletion, target: Target) -> Iterator[None]:
    """Tell more about what is no completion."""
    try:
        yield
    except UnusableOutputError as error:
        if completion.has_text and not read_error(completion.beginning).is_page:
            raise
        raise explain(error, NO_COMPLETION, completion.beginning, target) from error


def _body(call: Call, dialect: Dialect, *, streams: bool) -> bytes:
    body = {"model": call.model, "messages": _messages(call.messages, dialect), **dialect.translate(call.options)}
    if call.form is not None and call.wants_json:
        body |= _form_fields(call.form, dialect)
    if streams:
        body |= _STREAM_FIELDS["usage" if dialect.stream == "none" else dialect.stream]
    return msgspec.json.encode(body)


def _form_fields(form: Form, dialect: Dialect) -> dict[str, Any]:
    match dialect.form:
        case "schema":
            schema = {"name": form.name, "schema": form.schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case "object":
            return {"response_format": {"type": "json_object"}}
        case "prompt":
            return {}


def _messages(messages: Sequence[Message], dialect: Dialect) -> Sequence[Message]:
    """Return the messages as the server takes them: many reject an empty one, or two of the same role in a row."""
    if dialect.system and all(message.content for message in messages):
        return messages
    merged: list[Message] = []
    for message in messages:
        role = "user" if message.role == "system" and not dialect.system else message.role
        if not message.content.strip():
            continue
        if merged and merged[-1].role == role:
            merged[-1] = Message(role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(Message(role, message.content))
    return merged
