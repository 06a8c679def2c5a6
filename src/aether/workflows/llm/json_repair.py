"""JSON in what a model answered, with or without text around it."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_json = json.JSONDecoder(strict=False)  # msgspec has no way to stop where a value ends
_MOST_STARTS = 200  # an error costs the decoder time in proportion to its place, so the places are bounded
_START = re.compile(r'(?:"(?P<key>[^"\n]{1,40})"\s{0,9}:\s{0,9})?(?P<value>[{\[])(?=\s*["{\[])')
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")
# A JSON string can hold what no line may: control characters, and halves of characters, which cannot be stored.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Found(NamedTuple):
    """A list or an object, the key it stands under, and its place among the others."""

    key: str | None
    value: object
    start: int
    end: int


def json_values(answer: str) -> Iterator[Found]:
    """Yield what can be read, an outer value before those in it; one that was cut off is none, unlike those in it."""
    answer = _TRAILING_COMMA.sub("", answer)
    for start in islice(_START.finditer(answer), _MOST_STARTS):
        try:
            value, end = _json.raw_decode(answer, start.start("value"))
        except (ValueError, RecursionError):
            continue
        yield Found(start["key"], value, start.start("value"), end)


def first_text(entry: dict[str, object], keys: tuple[str, ...]) -> str:
    """Return the text under the first of these keys that has one, in whatever case; else nothing."""
    folded = {key.casefold(): value for key, value in entry.items()}
    return next((value for key in keys if isinstance(value := folded.get(key), str)), "")


def without_controls(text: str) -> str:
    """Put a space for every character that cannot stand in a line."""
    return _UNFIT.sub(" ", text)
