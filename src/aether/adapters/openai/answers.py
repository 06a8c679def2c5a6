"""Answers of models: where their parts stand, which differs from server to server."""

from collections.abc import Iterator

import msgspec

from aether.adapters.openai.error_body import ErrorBody, describe_error
from aether.adapters.openai.finish_reasons import read_finish_reason
from aether.adapters.openai.lenient_json import JsonDocument
from aether.adapters.openai.native_forms import JsonObject, to_completion

MAX_TEXT = 1_000_000
"""Characters of a text that are used; what a job asks for is far shorter."""

MAX_JSON = 8_000_000
"""Characters of an answer in JSON that are used: a text without its end is still a text, JSON is not."""

_MAX_TOKENS = 2**40  # Redis can still add these up, however many calls report nonsense
_TEXT_TYPES = frozenset({"text", "output_text", "text_delta", None})
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts", "analysis")
# The places of a message in answers that are not quite chat completions: of streams, Ollama, and old completions.
_MESSAGE_KEYS = ("delta", "message")
_TEXT_KEYS = ("text", "response", "output_text", "generated_text", "completion")


class TokenDetails(msgspec.Struct, frozen=True):
    """The tokens of a prompt that were in a cache."""

    cached_tokens: float | None = None


class TokenUsage(msgspec.Struct, frozen=True):
    """The tokens of a call, as the server counts them."""

    prompt_tokens: float | None = None  # whole numbers, but not every server writes them so
    completion_tokens: float | None = None
    prompt_tokens_details: TokenDetails | None = None


class Answer(msgspec.Struct):
    """An answer of a model, before its thinking is removed.

    Attributes:
        content: the text.
        reasoning: what the server has separated as the model's thinking.
        arguments: the arguments of a call of a tool, in JSON.
        refusal: why the model declined.
        finish_reason: why it ended, in the server's word; None if it did not say.
        tokens: the usage; None if it was not reported.
        error: an error in place of the answer, or that ended it.
        has_choice: whether there was a choice at all.
        is_message: the text is a whole message, as at the end of some streams, and no piece of one.
        is_other_choice: it is not the first of several answers to one question.
    """

    content: str = ""
    reasoning: str = ""
    arguments: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    tokens: TokenUsage | None = None
    error: ErrorBody | None = None
    has_choice: bool = True
    is_message: bool = False
    is_other_choice: bool = False


def merge_tokens(before: TokenUsage | None, tokens: TokenUsage | None) -> TokenUsage | None:
    """Return a usage that a stream reports in parts: the tokens of the prompt first, as Anthropic does."""
    if before is None or tokens is None:
        return tokens or before
    if tokens.prompt_tokens is not None:
        return tokens
    return TokenUsage(before.prompt_tokens, tokens.completion_tokens, before.prompt_tokens_details)


def token_count(reported: float | None) -> int:
    """Return a reported number of tokens as a whole number within bounds that can be added up; 0 for none."""
    return int(min(max(reported or 0, 0), _MAX_TOKENS))


async def read_answer(document: JsonDocument, max_chars: int = MAX_TEXT) -> Answer:
    """Read an answer, or an event of a stream, from JSON of any likely shape; at most `max_chars` of its content."""
    body = to_completion(first_object(document.value))
    choice = _first_choice(body.get("choices"))
    message = next((choice[key] for key in _MESSAGE_KEYS if isinstance(choice.get(key), dict)), None)
    if message is None and isinstance(body.get("message"), dict):
        message = body["message"]
    places: JsonObject = message or {}
    content = await _join(document, _content(places, choice, body), max_chars)
    return Answer(
        content=content,
        reasoning=await _join(document, _reasoning(places)),
        arguments=await _join(document, _arguments(places)),
        refusal=await _join(document, _refusal(places)),
        finish_reason=read_finish_reason(choice, body),
        tokens=read_tokens(body.get("usage") if "usage" in body else body),
        error=error_in(document.value, body, choice),
        has_choice=bool(choice or message or content),
        is_message=bool(message) and message is choice.get("message"),
        is_other_choice=not _is_first(choice),
    )


def read_tokens(usage: object) -> TokenUsage | None:
    """Read a usage: OpenAI's names, or those of other APIs; odd values count as not reported."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else usage.get("cache_read_input_tokens")
    tokens = TokenUsage(
        _number(usage, "prompt_tokens", "input_tokens", "prompt_eval_count"),
        _number(usage, "completion_tokens", "output_tokens", "eval_count"),
        TokenDetails(_number({"cached": cached}, "cached")),
    )
    return tokens if tokens.prompt_tokens is not None or tokens.completion_tokens is not None else None


def _number(usage: JsonObject, *names: str) -> float | None:
    for name in names:
        try:
            number = float(usage.get(name))  # type: ignore[arg-type]  # None and others raise TypeError
        except (TypeError, ValueError, OverflowError):
            continue
        return number if number == number else None  # noqa: PLR0124 - NaN
    return None


def first_object(value: object) -> JsonObject:
    """Return the value, or the first element of a list, if it is an object; otherwise an empty one."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {}


def _first_choice(choices: object) -> JsonObject:
    """Return the choice with the index 0, or else the one that stands first."""
    listed = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    return next(filter(_is_first, listed), first_object(choices))


def _is_first(choice: JsonObject) -> bool:
    return choice.get("index") in (0, "0", None)


def _content(message: JsonObject, choice: JsonObject, body: JsonObject) -> Iterator[str]:
    """Yield the text of an answer: of its message, or else what stands in other places."""
    if message.get("content") is not None:
        yield from text_parts(message["content"])
        return
    for place in (choice, body):
        for key in _TEXT_KEYS:
            if isinstance(place.get(key), str):
                yield place[key]
                return
    if not choice and not message and isinstance(body.get("content"), list):
        yield from text_parts(body["content"])


def text_parts(content: object) -> Iterator[str]:
    """Yield the text of a content: a string, or parts of which only those with text count."""
    match content:
        case str():
            yield content
        case [*parts]:
            for part in parts:
                yield from text_parts(part)
        case {"type": str() as kind} if kind not in _TEXT_TYPES:
            return
        case {"text": {"value": str() as text}} | {"text": str() as text} | {"content": str() as text}:
            yield text
        case {} if content and "type" not in content:
            # The server has decoded the JSON that was asked for.
            yield msgspec.json.encode(content).decode()


def _reasoning(message: JsonObject) -> Iterator[str]:
    for key in _REASONING:
        if isinstance(message.get(key), str) and message[key]:
            yield message[key]
            return
    for part in _parts(message):
        if part.get("type") in ("thinking", "reasoning"):
            yield from text_parts(part.get("thinking") or part.get("reasoning") or part.get("text") or "")


def _arguments(message: JsonObject) -> Iterator[str]:
    """Yield the arguments of the first call of a tool; some servers make a model answer in JSON that way."""
    call = first_object(message.get("tool_calls"))
    function = first_object(call.get("function") or message.get("function_call"))
    yield from text_parts(function.get("arguments") or "")
    if isinstance(message.get("parsed"), dict | list):
        yield from text_parts(message["parsed"])


def _refusal(message: JsonObject) -> Iterator[str]:
    yield from text_parts(message.get("refusal") or "")
    for part in _parts(message):
        if part.get("type") == "refusal":
            yield from text_parts(part.get("refusal") or "")


def _parts(message: JsonObject) -> Iterator[JsonObject]:
    content = message.get("content")
    yield from (part for part in (content if isinstance(content, list) else ()) if isinstance(part, dict))


def error_in(value: object, body: JsonObject, choice: JsonObject) -> ErrorBody | None:
    """Describe the error that stands where an answer should be, if any; an empty one means nothing."""
    if body.get("error") or body.get("errors"):
        return describe_error(value)
    if choice.get("error"):
        return describe_error(choice["error"])
    if "choices" in body or body.get("message") is None or isinstance(body.get("message"), dict):
        failed = body.get("object") == "error" or body.get("success") is False or body.get("status") == "error"
        return describe_error(value) if failed or (not choice and _is_error(body)) else None
    return describe_error(value) if not choice and isinstance(body["message"], str) else None


def _is_error(body: JsonObject) -> bool:
    return any(body.get(key) for key in ("detail", "base_resp", "error_message", "error_msg", "msg"))


async def _join(document: JsonDocument, parts: Iterator[str], max_chars: int = MAX_TEXT) -> str:
    """Join parts, which may be placeholders of long strings."""
    texts: list[str] = []
    missing = max_chars
    for part in parts:
        texts.append(await document.text(part, missing))
        missing -= len(texts[-1])
        if missing <= 0:
            break
    return "".join(texts)
