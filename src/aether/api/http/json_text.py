"""JSON text: the text of a body, where it is malformed, and the names that it repeats."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from aether.api.http.request_errors import MalformedBodyError

_OFFSET = re.compile(r"\(byte (?P<offset>\d+)\)")
_HALF_PAIR = re.compile(r"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|[c-fC-F])")

_members_of = msgspec.json.Decoder(dict[str, Raw]).decode


class ParsedJson:
    """JSON, and the names that its objects have more than once, of which the last counts.

    Raises:
        ValueError: the text is not JSON.
        RecursionError: it is nested too deeply.
    """

    def __init__(self, text: str) -> None:
        self._repeated: dict[int, list[str]] = {}  # by the identity of the object
        self.json: Any = json.loads(text, object_pairs_hook=self._object)  # Any: JSON of any form

    def _object(self, members: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: as above
        found = dict(members)
        if len(found) < len(members):
            counts = Counter(name for name, _ in members)
            self._repeated[id(found)] = [name for name, count in counts.items() if count > 1]
        return found

    def repeated_names(self) -> Iterator[str]:
        """Yield the path of each name that an object has more than once: `webhook.url`."""
        rest = [("", self.json)] if self._repeated else []
        while rest:
            path, found = rest.pop()
            if isinstance(found, dict):
                yield from (join_path(path, name) for name in self._repeated.get(id(found), ()))
                rest += ((join_path(path, name), each) for name, each in found.items())
            elif isinstance(found, list):
                rest += ((f"{path}[{at}]", each) for at, each in enumerate(found))


def append_members(json_object: bytes, more: bytes) -> bytes:
    """Return an object, which is not empty, with the members of another one at its end."""
    return json_object if more == b"{}" else b"%b,%b" % (json_object[:-1], more[1:])


def join_path(path: str, name: str) -> str:
    """Return the path of a member of the object at a path."""
    name = name or '""'
    return f"{path}.{name}" if path else name


def repeats_a_name(body: bytes) -> bool:
    """Whether an object in this body, a valid JSON object, has a name twice.

    Each name has a colon. So no name is repeated if there is only one colon, or no more of them than the body has
    different members. Only other bodies, with objects or colons in their values, are parsed again.
    """
    colons = body.count(b":")
    if colons <= 1 or colons == len(_members_of(body)):
        return False
    return any(ParsedJson(body.decode()).repeated_names())


def malformed_body(body: bytes, error: Exception) -> MalformedBodyError:
    """Return the error for a body that msgspec rejects with this one; it names the line and the column."""
    if (encoding := json.detect_encoding(body)).startswith(("utf-16", "utf-32")):
        return MalformedBodyError(f"The body is in {encoding[:6].upper()}; send JSON in UTF-8.")
    reason, before = _find_fault(body, str(error))
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return MalformedBodyError(f"The body is not valid JSON in UTF-8: {reason}, at line {line}, column {column}.")


def _find_fault(body: bytes, message: str) -> tuple[str, str]:
    """Return what is wrong, and the text before it."""
    try:
        text = body.decode()
        ParsedJson(text)
    except UnicodeDecodeError as fault:
        return f"the byte 0x{body[fault.start]:02X} is not UTF-8", body[: fault.start].decode()
    except json.JSONDecodeError as fault:
        return fault.msg[0].lower() + fault.msg[1:].removesuffix(" at").removesuffix(" starting").rstrip(": "), text[
            : fault.pos
        ]
    except RecursionError:
        return "it is nested too deeply", ""
    except ValueError:
        return "it has too long a number", ""
    # Python's parser accepts more than JSON has.
    if found := _HALF_PAIR.search(text):
        return "a character is half of a pair", text[: found.start()]
    offset = _OFFSET.search(message)
    return "invalid value", body[: int(offset["offset"])].decode(errors="ignore") if offset else text


def with_whole_numbers(value: Any) -> Any:  # Any: JSON of any form
    """Convert 2.0 to 2: JSON Schema treats them as the same number, msgspec as a float and an int."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: with_whole_numbers(each) for name, each in value.items()}
        case list():
            return [with_whole_numbers(each) for each in value]
    return value
