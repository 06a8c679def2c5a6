"""JSON repair: read the JSON in a model's answer, with text around it, trailing commas or a missing end."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from aether.domain.plain_text import BIDI_CONTROLS

_json = json.JSONDecoder(strict=False)  # msgspec has no way to stop where a value ends
_MAX_STARTS = 200
_MAX_READ = 20
"""How many times the answer's length is read at most, since each attempt may go on to the end of the answer."""
_MAX_TEXT = 2_000  # characters of one text in an answer that is too long
_MAX_BACKSLASHES = 100
_MAX_ESCAPED_QUOTES = 10_000  # in one text
_LONGEST_ESCAPE = 6
_START = re.compile(r'(?:"(?P<key>[^"\n]{1,40})"\s{0,9}:\s{0,9})?(?P<value>[{\[])(?=\s*["{\[])')
_SEPARATOR = re.compile(r"[\s,]*")
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")
# A JSON string may hold control characters, and surrogates, which cannot be stored.
_BIDI = re.compile(f"[{BIDI_CONTROLS}]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Found(NamedTuple):
    """A list or an object, its key in the object around it, and its position in the answer."""

    key: str | None
    value: object
    start: int
    end: int


def json_values(answer: str) -> Iterator[Found]:
    """Yield the lists and objects that can be read, outer ones first; of one that was cut off only those inside it."""
    answer = _TRAILING_COMMA.sub("", answer)
    left = _MAX_READ * len(answer)
    for start in islice(_START.finditer(answer), _MAX_STARTS):
        at = start.start("value")
        try:
            value, end = _json.raw_decode(answer, at)
        except (ValueError, RecursionError) as error:
            left -= getattr(error, "pos", len(answer)) - at
        else:
            left -= end - at
            yield Found(start["key"], value, at, end)
        if left < 0:
            return


def leading_elements(answer: str, max_count: int) -> Iterator[Found]:
    """Yield, of each list that has no end, the elements that can be read; at most `max_count` of them."""
    left = _MAX_READ * len(answer)
    for start in islice(_START.finditer(answer), _MAX_STARTS):
        elements: list[object] = []
        first = at = start.end("value")
        while start["value"] == "[" and len(elements) < max_count and left > 0:
            at = _SEPARATOR.match(answer, at).end()  # type: ignore[union-attr]  # it may be empty, so it always matches
            try:
                element, at = _json.raw_decode(answer, at)
            except (ValueError, RecursionError) as error:
                left -= getattr(error, "pos", len(answer)) - at + 1
                break
            elements.append(element)
        left -= at - first
        if elements:
            yield Found(start["key"], elements, start.start("value"), at)
        if left < 0:
            return


def bounded_answer(answer: str, max_length: int) -> str:
    """Cut an answer that is too long; the texts in its JSON are shortened first, since one of them may be all of it."""
    kept: list[str] = []
    at = length = 0
    is_text = False
    while at < len(answer) and length < max_length:
        end = _next_quote(answer, at)
        part = answer[at:end][:max_length]
        if is_text and len(part) > _MAX_TEXT:
            part = _without_open_escape(part[:_MAX_TEXT])
        kept.append(part + answer[end : end + 1])
        length += len(kept[-1])
        at, is_text = end + 1, not is_text
    return "".join(kept)[:max_length]


def _without_open_escape(text: str) -> str:
    """Drop the last escape, whose end may be missing."""
    escape = text.rfind("\\", len(text) - _LONGEST_ESCAPE)
    return text if escape < 0 else text[:escape].rstrip("\\")


def _next_quote(answer: str, at: int) -> int:
    """Return the position of the next quotation mark that is not escaped, or of the end."""
    end = answer.find('"', at)
    for _ in range(_MAX_ESCAPED_QUOTES):
        if end <= at or not _is_escaped(answer, at, end):
            return len(answer) if end < 0 else end
        end = answer.find('"', end + 1)
    return len(answer)


def _is_escaped(answer: str, start: int, at: int) -> bool:
    before = answer[max(start, at - _MAX_BACKSLASHES) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def first_text(entry: dict[str, object], keys: tuple[str, ...]) -> str:
    """Return the text under the first of these keys that has one, in any case; otherwise an empty one."""
    folded = {key.casefold(): value for key, value in entry.items()}
    return next((value for key in keys if isinstance(value := folded.get(key), str)), "")


def without_controls(text: str) -> str:
    """Replace each character that cannot be part of a line by a space, and remove those that change its direction."""
    return _CONTROLS.sub(" ", _BIDI.sub("", text))
