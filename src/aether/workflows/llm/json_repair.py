"""JSON repair: read the JSON in a model's answer, with text around it, trailing commas or a missing end."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_json = json.JSONDecoder(strict=False)  # msgspec has no way to stop where a value ends
_MAX_STARTS = 200
_MAX_READ = 20
"""How many times the answer's length is read at most, since each attempt may go on to the end of the answer."""
_START = re.compile(r'(?:"(?P<key>[^"\n]{1,40})"\s{0,9}:\s{0,9})?(?P<value>[{\[])(?=\s*["{\[])')
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")
# A JSON string may hold control characters, and surrogates, which cannot be stored.
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


def first_text(entry: dict[str, object], keys: tuple[str, ...]) -> str:
    """Return the text under the first of these keys that has one, in any case; otherwise an empty one."""
    folded = {key.casefold(): value for key, value in entry.items()}
    return next((value for key in keys if isinstance(value := folded.get(key), str)), "")


def without_controls(text: str) -> str:
    """Replace each character that cannot be part of a line by a space."""
    return _CONTROLS.sub(" ", text)
