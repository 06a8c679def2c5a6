"""Model server: makes single calls to it, each exactly in the dialect that it is given."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aether.adapters.openai.answers import MAX_JSON, MAX_TEXT, Answer
from aether.adapters.openai.completions import parse_completion
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.errors import FailedCall, translate
from aether.adapters.openai.http_api import ServerApi, drain
from aether.adapters.openai.replies import make_reply, remove_thinking
from aether.adapters.openai.streaming import StreamedCompletion
from aether.workflows.llm.ports import Form, Message, OnText, Reply

_PATH = "chat/completions"
_STREAM_FIELDS: Mapping[str, dict[str, Any]] = {
    "usage": {"stream": True, "stream_options": {"include_usage": True}},
    "plain": {"stream": True},
}


class Call(msgspec.Struct, frozen=True):
    """One call: the model, the conversation, the form of the answer, and the operator's options.

    `model_setting` is the setting of the model; None if the request named a model of its own.
    """

    model: str
    messages: Sequence[Message]
    form: Form | None = None
    options: Mapping[str, Any] = {}  # Any: servers accept fields of all kinds here
    model_setting: str | None = "AETHER_MODEL"


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a call: the reply, and what it tells about the model."""

    reply: Reply
    has_silent_thinking: bool = False
    is_empty: bool = False


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
        target = self._api.target(_PATH, call.model, call.model_setting)
        max_chars = MAX_TEXT if call.form is None else MAX_JSON
        async with self._api.limits(target):
            if streams:
                completion = StreamedCompletion(on_text, holds=dialect.silent_thinking, max_chars=max_chars)
                answer = await self._stream(body, completion)
                thinking = completion.thinking
            else:
                answer = await parse_completion(await self._api.post(self._url, body), max_chars)
                thinking = await remove_thinking(answer, holds=dialect.silent_thinking)
        if answer.error is not None:
            raise FailedCall(translate(200, "", {}, answer.error, target), answer.error)
        reply = make_reply(answer, thinking, wants_json=call.form is not None, max_chars=max_chars)
        if on_text is not None and not streams and reply.text:
            on_text(reply.text)
        return Outcome(reply, thinking.has_silent_thinking, not reply.text.strip())

    async def _stream(self, body: bytes, completion: StreamedCompletion) -> Answer:
        async with self._api.stream(self._url, body) as pieces:
            async for piece in pieces:
                await completion.feed(piece)
                if completion.done:
                    await drain(pieces)
        return await completion.answer()


def _body(call: Call, dialect: Dialect, *, streams: bool) -> bytes:
    body = {"model": call.model, "messages": _messages(call.messages, dialect), **dialect.translate(call.options)}
    if call.form is not None:
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
