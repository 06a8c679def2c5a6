"""Error body: what a model server says about an error, whatever the form of its JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple

_MAX_DEPTH = 6
_MAX_NODES = 500
_MAX_TEXT = 4_096

# Keys of a sentence for people, the best first; those of OpenAI, FastAPI, Google, Cloudflare, MiniMax and gateways.
_MESSAGE_KEYS: tuple[str, ...] = (
    *("message", "msg", "detail", "error", "error_message", "errormessage", "error_msg", "error_description"),
    *("description", "status_msg", "title", "reason", "text", "errors", "details", "base_resp", "body"),
)
_UNINFORMATIVE = re.compile(r"provider returned error|upstream error|bad gateway|error|unknown error", re.IGNORECASE)
_CODE_KEYS = ("code", "status_code", "statuscode", "http_status", "httpstatus", "http_code", "status", "type")
_WORD_KEYS = (*_CODE_KEYS, "error_code", "errorcode", "reason", "innererror", "__type")
_DELAY_KEYS = {"retry_after": 1.0, "retryafter": 1.0, "retry_after_seconds": 1.0, "retry_after_s": 1.0}
_DELAY_KEYS |= {"retrydelay": 1.0, "retry_delay": 1.0, "estimated_time": 1.0, "retry_in": 1.0, "wait": 1.0}
_DELAY_KEYS |= {"retry_after_ms": 0.001, "retryafterms": 0.001}
"""Keys of a delay, in lower case, with the seconds of their unit."""

RESET_KEYS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-reset-after")
"""Names of when a limit is reset, in lower case: of headers, and of those of another server that a gateway repeats."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_AMOUNT = r"\d{1,9}(?:\.\d{1,9})?"
_DURATION = re.compile(
    rf"({_AMOUNT})\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|hrs?|d|days?)?(?![a-z])",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    rf"(?:try|retry|again|wait|available|reset\w*)\b[^.\d]{{0,40}}?\s(?P<delay>(?:{_AMOUNT}\s*[a-z]{{0,12}}\s?)+)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_XML_MESSAGE = re.compile(r"<(?:\w{1,20}:)?(?:message|faultstring)>([^<]{1,1000})<", re.IGNORECASE)
_XML_CODE = re.compile(r"<code>([\w.-]{1,64})</code>", re.IGNORECASE)
_TITLE = re.compile(r"<title>([^<]{1,200})</title>", re.IGNORECASE)


class ErrorBody(NamedTuple):
    """What the body of an error says.

    Attributes:
        message: a sentence for people; empty if there is none.
        codes: the codes and types in it, in lower case, such as "insufficient_quota".
        status: the HTTP status that the body names, if it does.
        param: the field of the request that is wrong, if it says so.
        reasons: the reasons of a moderation.
        delay: the seconds after which another attempt may help, if it says so.
        reset: when the limit is reset, as it stands in the body: a delay or a time.
        text: the body as a text of limited length, to look for words in it.
        is_page: whether it is a page for people, in HTML.
    """

    message: str = ""
    codes: frozenset[str] = frozenset()
    status: int | None = None
    param: str = ""
    reasons: tuple[str, ...] = ()
    delay: float | None = None
    reset: str = ""
    text: str = ""
    is_page: bool = False


def read_error(body: bytes) -> ErrorBody:
    """Read the body of an error: JSON in any form, or a text."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        return describe_error(json.loads(text, strict=False))
    except (ValueError, RecursionError):
        if _MARKUP.match(text):
            return _read_markup(text[:_MAX_TEXT])
        # An event of a stream, or JSON that was cut off.
        event = re.search(r"^data:\s*(\{.*\})\s*$", text, re.MULTILINE)
        if event and event[1] != text:
            return read_error(event[1].encode())
        found = re.search(r'"(?:message|detail|error|msg)"\s*:\s*"((?:[^"\\]|\\.){1,1000})', text)
        message = found[1] if found else text.strip()
        return ErrorBody(message, delay=_delay_in(message), text=text[:_MAX_TEXT])


def _read_markup(text: str) -> ErrorBody:
    """Read a page for people, or an error in XML, as of storage servers."""
    if (message := _XML_MESSAGE.search(text)) is None:
        return ErrorBody(text=text, is_page=True)
    return ErrorBody(unescape(message[1]), frozenset(map(str.casefold, _XML_CODE.findall(text))), text=text)


def describe_error(value: object) -> ErrorBody:
    """Describe the JSON value of an error, which may be a sentence, an object or a list, nested as deep as it likes."""
    message = _message(value, 0) or _message(_inner_error(value), 0)
    found: dict[str, list[object]] = {}
    for key, entry in _entries(value):
        found.setdefault(key, []).append(entry)
    codes = frozenset(code for key in _WORD_KEYS for entry in found.get(key, ()) for code in _codes(entry))
    raw = next((entry for entry in found.get("raw", ()) if isinstance(entry, str) and entry), None)
    if raw and _UNINFORMATIVE.fullmatch(message.strip(" .")):
        message = f"{message}: {read_error(raw.encode()).message}"
    params = [entry for entry in found.get("param", ()) if isinstance(entry, str)]
    resets = [str(entry) for key in RESET_KEYS for entry in found.get(key, ()) if isinstance(entry, str | int | float)]
    return ErrorBody(
        message,
        codes,
        _status(found),
        params[0] if params else "",
        tuple(_reasons(found.get("reasons", ()))),
        _delay(found, message),
        resets[0] if resets else "",
        text=_encode(value)[:_MAX_TEXT],
    )


def _inner_error(value: object) -> object:
    """Return the error that stands one level down, as in Tencent's `Response`."""
    entries = value.values() if isinstance(value, dict) else ()
    return next((each for each in entries if isinstance(each, dict) and {"error", "Error"} & each.keys()), None)


def _encode(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _message(value: object, depth: int) -> str:
    match value:
        case str():
            return _message_in_text(value, depth)
        case [*entries] if depth < _MAX_DEPTH:
            return next(filter(None, (_message(entry, depth + 1) for entry in entries[:5])), "")
        case {} if depth < _MAX_DEPTH:
            folded = {key.casefold(): entry for key, entry in value.items() if isinstance(key, str)}
            messages = (_message(folded[key], depth + 1) for key in _MESSAGE_KEYS if key in folded)
            return _located(next(filter(None, messages), ""), folded.get("loc"))
        case _:
            return ""


def _message_in_text(text: str, depth: int) -> str:
    """Return the text, or the message inside if it is JSON itself, as from some gateways."""
    if text.lstrip().startswith(("{", "[")) and depth < _MAX_DEPTH:
        try:
            return _message(json.loads(text, strict=False), depth + 1) or text
        except (ValueError, RecursionError):
            pass
    return text


def _located(message: str, place: object) -> str:
    """Put the place of a validation error in front of it, as in FastAPI's `loc`."""
    if not message or not isinstance(place, list):
        return message
    return f"{'.'.join(str(part) for part in place[:8] if part != 'body')}: {message}"


def _entries(value: object) -> Iterator[tuple[str, object]]:
    """Yield the entries of all objects inside a value, outer ones first, with their keys in lower case."""
    queue: list[object] = [value]
    for node in queue:
        if len(queue) > _MAX_NODES:
            return
        if isinstance(node, dict):
            yield from ((str(key).casefold(), entry) for key, entry in node.items())
            queue += node.values()
        elif isinstance(node, list):
            queue += node[:20]


def _code(entry: object) -> str:
    return str(entry).casefold() if isinstance(entry, str | int) and not isinstance(entry, bool) else ""


def _codes(entry: object) -> Iterator[str]:
    """Yield a code without its namespace, as in AWS' `__type`, and its family if it has one, as in Tencent's codes."""
    code = _code(entry).rpartition("#")[2]
    yield from filter(None, {code, code.partition(".")[0]})


def _status(found: Mapping[str, list[object]]) -> int | None:
    for key in _CODE_KEYS:
        for entry in found.get(key, ()):
            code = _code(entry)
            if len(code) == 3 and code.isascii() and code.isdigit() and code >= "400":  # noqa: PLR2004 - as HTTP's
                return int(code)
    return None


def _reasons(entries: Any) -> Iterator[str]:  # Any: JSON
    for entry in entries:
        yield from (str(reason) for reason in (entry if isinstance(entry, list) else [entry])[:10] if reason)


def _delay(found: Mapping[str, list[object]], message: str) -> float | None:
    for key, unit in _DELAY_KEYS.items():
        for entry in found.get(key, ()):
            if isinstance(entry, int | float) and not isinstance(entry, bool) and 0 <= entry < float("inf"):
                return entry * unit
            if isinstance(entry, str) and (seconds := parse_duration(entry, unit)) is not None:
                return seconds
    return _delay_in(message)


def _delay_in(message: str) -> float | None:
    """Return the delay in a sentence, such as "Please try again in 1m26.4s." or "Please retry after 26 seconds."."""
    found = _IN_WORDS.search(message[:_MAX_TEXT])
    return parse_duration(found["delay"]) if found else None


def parse_duration(duration: str, unit: float = 1.0) -> float | None:
    """Add up the amounts of a duration such as `1m26.4s` or `20 ms`; an amount without a unit has the given one."""
    parts = _DURATION.findall(duration[:64])
    if not parts:
        return None
    return sum(float(amount) * (_unit(word) if word else unit) for amount, word in parts)


def _unit(word: str) -> float:
    folded = word.casefold()
    return _UNITS["ms"] if folded.startswith(("ms", "milli")) else _UNITS[folded[0]]


def message_of_page(body: ErrorBody) -> str:
    """Return the title of a page, without a status; empty if it has none."""
    found = _TITLE.search(body.text) if body.is_page else None
    return " ".join(found[1].split()).lstrip("0123456789 ") if found else ""
