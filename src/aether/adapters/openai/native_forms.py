"""Native forms: answers and stream events of other APIs, which some gateways pass on, as tables.

Each is rewritten as the chat completion, or the chunk of one, that says the same.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]  # Any: JSON of any shape

_Rewrite: TypeAlias = Callable[[JsonObject], JsonObject]
_THINKING = frozenset({"thinking", "thinking_delta", "reasoning", "reasoning_text", "summary_text"})


def to_completion(body: JsonObject) -> JsonObject:
    """Return an answer or an event as a chat completion; as it is, if it is none of another API."""
    kind = body.get("type")
    if isinstance(kind, str) and (rewrite := _EVENTS.get(kind)) is not None:
        return rewrite(body)
    if isinstance(kind, str) and kind.startswith("response."):  # most of them repeat what others have said
        return {}
    return next((rewrite(body) for applies, rewrite in _ANSWERS if applies(body)), body)


def _chunk(*parts: JsonObject, reason: object = None, usage: object = None, **other_fields: object) -> JsonObject:
    delta = {"content": [*map(_part, parts)], **other_fields}
    return {"choices": [{"delta": delta, "finish_reason": reason}], "usage": usage}


def _part(part: JsonObject) -> JsonObject:
    """Name a part of a text as chat completions do."""
    if part.get("thought") is True or part.get("type") in _THINKING:
        return {"type": "thinking", "thinking": part.get("thinking") or part.get("text")}
    return {"type": "text", "text": part.get("text") or part.get("thinking")}


def _object(body: JsonObject, *path: str) -> JsonObject:
    """Return what stands at the path if it is an object; otherwise an empty one."""
    for key in path:
        value = body.get(key)
        if not isinstance(value, dict):
            return {}
        body = value
    return body


def _objects(value: object) -> Iterator[JsonObject]:
    yield from (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))


def _counts(usage: JsonObject, read: str, written: str) -> JsonObject:
    return {"prompt_tokens": usage.get(read), "completion_tokens": usage.get(written)}


def _block(block: JsonObject) -> JsonObject:
    """Rewrite a piece of a content block of Anthropic's."""
    arguments = block.get("partial_json")
    return _chunk(block, tool_calls=[{"function": {"arguments": arguments}}] if arguments else None)


def _response(response: JsonObject) -> JsonObject:
    """Rewrite a whole answer of OpenAI's Responses API."""
    parts = [
        part
        for item in _objects(response.get("output"))
        for part in _objects(item.get("summary" if item.get("type") == "reasoning" else "content"))
    ]
    refusals = [part for part in parts if part.get("type") == "refusal"]
    message = {"content": [*map(_part, parts), *refusals]}
    reason = _object(response, "incomplete_details").get("reason") or response.get("status")
    choice = {"message": message, "finish_reason": reason}
    return {"choices": [choice], "usage": response.get("usage"), "error": response.get("error")}


def _candidates(body: JsonObject) -> JsonObject:
    """Rewrite an answer of Google's, whole or streamed."""
    candidate: JsonObject = next(_objects(body.get("candidates")), {})
    usage = _counts(_object(body, "usageMetadata"), "promptTokenCount", "candidatesTokenCount")
    reason = candidate.get("finishReason") or _object(body, "promptFeedback").get("blockReason")
    return _chunk(*_objects(_object(candidate, "content").get("parts")), reason=reason, usage=usage)


def _converse(body: JsonObject) -> JsonObject:
    """Rewrite an answer of Amazon Bedrock's Converse API."""
    usage = _counts(_object(body, "usage"), "inputTokens", "outputTokens")
    parts = _objects(_object(body, "output", "message").get("content"))
    return _chunk(*parts, reason=body.get("stopReason"), usage=usage)


_ANSWERS: tuple[tuple[Callable[[JsonObject], bool], _Rewrite], ...] = (
    (lambda body: body.get("object") == "response", _response),
    (lambda body: "candidates" in body or "promptFeedback" in body, _candidates),
    (lambda body: "message" in _object(body, "output"), _converse),
)

_EVENTS: Mapping[str, _Rewrite] = {
    # Anthropic
    "message_start": lambda event: _chunk(usage=_object(event, "message").get("usage")),
    "content_block_start": lambda event: _block(_object(event, "content_block")),
    "content_block_delta": lambda event: _block(_object(event, "delta")),
    "message_delta": lambda event: _chunk(reason=_object(event, "delta").get("stop_reason"), usage=event.get("usage")),
    # OpenAI's Responses API
    "response.output_text.delta": lambda event: _chunk({"text": event.get("delta")}),
    "response.reasoning_text.delta": lambda event: _chunk({"type": "thinking", "text": event.get("delta")}),
    "response.reasoning_summary_text.delta": lambda event: _chunk({"type": "thinking", "text": event.get("delta")}),
    "response.refusal.delta": lambda event: _chunk(refusal=event.get("delta")),
    "response.completed": lambda event: _response(_object(event, "response")),
    "response.incomplete": lambda event: _response(_object(event, "response")),
    "response.failed": lambda event: _response(_object(event, "response")),
    # Cohere
    "content-delta": lambda event: _block(_object(event, "delta", "message", "content")),
    "message-end": lambda event: _chunk(
        reason=_object(event, "delta").get("finish_reason"), usage=_object(event, "delta", "usage").get("tokens")
    ),
}
"""The events of streams, by their type; others say nothing that is needed."""
