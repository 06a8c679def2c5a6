"""Replies: HTTP responses as bytes: completions, streams of chunks, and errors in OpenAI's format."""

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tests.scripted_model.actions import Answer, Events, HttpError
from tests.scripted_model.calls import Call
from tests.scripted_model.classifier import ChatRequest, assistant_text
from tests.scripted_model.setup import Setup
from tests.scripted_model.texts import expected_text, remainder

CREATED = 1_760_000_000
"""The time of creation in all answers, in Unix seconds."""

Headers = tuple[tuple[str, str], ...]


class Reply(msgspec.Struct, frozen=True):
    """A response; a streamed one has a part for each event, encoded as HTTP chunks."""

    status: int
    head: bytes
    parts: tuple[bytes, ...]


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _Message(msgspec.Struct):
    role: Literal["assistant"] = "assistant"
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | dict[str, Any]  # Any: JSON
    finish_reason: str
    index: int = 0
    logprobs: None = None


class _Completion(msgspec.Struct):
    id: str
    model: str
    choices: list[_Choice]
    usage: _Usage
    object: str = "chat.completion"
    created: int = CREATED


class _Delta(msgspec.Struct, omit_defaults=True):
    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET


class _ChunkChoice(msgspec.Struct):
    delta: _Delta | dict[str, Any]  # Any: JSON
    finish_reason: str | None = None
    index: int = 0
    logprobs: None = None


class _Chunk(msgspec.Struct):
    id: str
    model: str
    choices: list[_ChunkChoice]
    usage: _Usage | UnsetType | None = UNSET
    object: str = "chat.completion.chunk"
    created: int = CREATED


class _ErrorBody(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


_encode = msgspec.json.Encoder().encode


def completion(call: Call, request: ChatRequest, answer: Answer, setup: Setup) -> Reply:
    """Return the chat completion for this answer, streamed if the request asks for a stream."""
    content = _content(call, request, answer, setup)
    prompt = len(call.raw) // 4 if answer.prompt_tokens < 0 else answer.prompt_tokens
    output = max(1, len(content or answer.refusal or "") // 4)
    usage = _Usage(prompt, output, prompt + output)
    if request.stream and setup.streams:
        return _stream(call, content, answer, usage if _wants_usage(request) else None, setup)
    message: _Message | dict[str, Any] = _Message(content=content, refusal=answer.refusal)
    if answer.message:
        message = msgspec.to_builtins(message) | answer.message
    whole = _Completion(f"chatcmpl-{call.seq}", request.model, [_Choice(message, answer.finish_reason)], usage)
    return json_reply(_encode(whole))


def event_reply(events: Events) -> Reply:
    """Return a stream with these events."""
    lines = [event if event.startswith(("data:", "event:", ":")) else f"data: {event}" for event in events.events]
    parts = [_http_chunk(f"{line}\n\n".encode()) for line in lines]
    head = _head(200, "text/event-stream", ()) + b"transfer-encoding: chunked\r\n\r\n"
    return Reply(200, head, (*parts, b"0\r\n\r\n"))


def json_reply(body: bytes, status: int = 200, headers: Headers = (), content_type: str = "application/json") -> Reply:
    """Return a response with a content length."""
    return Reply(status, b"%bcontent-length: %d\r\n\r\n" % (_head(status, content_type, headers), len(body)), (body,))


def error_reply(error: HttpError) -> Reply:
    """Return the response for an error, with each form of Retry-After that it has."""
    headers = dict(error.headers)
    if error.retry_after_s is not None:
        headers["retry-after"] = f"{error.retry_after_s:g}"
    if error.retry_after_ms is not None:
        headers["retry-after-ms"] = f"{error.retry_after_ms:g}"
    if error.retry_after_date_s is not None:
        headers["retry-after"] = formatdate(time() + error.retry_after_date_s, usegmt=True)
    if error.body is None:
        body = _encode({"error": _ErrorBody(error.message, error.type, error.param, error.code)})
    else:
        body = error.body.encode()
    return json_reply(body, error.status, tuple(headers.items()), error.content_type)


def _content(call: Call, request: ChatRequest, answer: Answer, setup: Setup) -> str | None:
    if answer.content is UNSET:
        text = expected_text(call.step, setup.sections, setup.words, as_json=_wants_json(request))
        if call.kind == "continuation":
            text = remainder(text, assistant_text(request))
    elif answer.content is None:
        return None
    else:
        text = answer.content
    return answer.before + (text if answer.share >= 1 else text[: int(len(text) * answer.share)])


def _wants_json(request: ChatRequest) -> bool:
    return request.response_format is not None and request.response_format.type != "text"


def _wants_usage(request: ChatRequest) -> bool:
    return request.stream_options is not None and request.stream_options.include_usage


def _stream(call: Call, content: str | None, answer: Answer, usage: _Usage | None, setup: Setup) -> Reply:
    size = -(-len(content or "") // max(1, setup.stream_pieces)) or 1
    deltas = [_Delta(content=(content or "")[at : at + size]) for at in range(0, len(content or ""), size)]
    if answer.refusal is not None:
        deltas.append(_Delta(refusal=answer.refusal))
    choices = [_ChunkChoice(_Delta(role="assistant")), *map(_ChunkChoice, deltas)]
    if answer.message:
        choices.append(_ChunkChoice(answer.message))
    choices.append(_ChunkChoice(_Delta(), answer.finish_reason))
    between: UnsetType | None = UNSET if usage is None else None  # OpenAI sends "usage": null before the last chunk
    chunk_id = f"chatcmpl-{call.seq}"
    events = [_encode(_Chunk(chunk_id, call.model, [choice], between)) for choice in choices]
    if usage is not None:
        events.append(_encode(_Chunk(chunk_id, call.model, [], usage)))
    before = b": keep-alive\n\n" if setup.stream_comments else b""
    parts = [_http_chunk(b"%bdata: %b\n\n" % (before, event)) for event in (*events, b"[DONE]")]
    parts[-1] += b"0\r\n\r\n"
    return Reply(200, _head(200, "text/event-stream", ()) + b"transfer-encoding: chunked\r\n\r\n", tuple(parts))


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@lru_cache(maxsize=1_024)
def _head(status: int, content_type: str, headers: Headers) -> bytes:
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", f"content-type: {content_type}", "server: scripted-model"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"
