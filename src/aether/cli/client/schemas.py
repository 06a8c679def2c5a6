"""The part of the API's answers that the command line reads whatever it asked for."""

import msgspec


class BrokenRule(msgspec.Struct, frozen=True):
    """A field of the request and the rule it breaks."""

    field: str = ""
    rule: str = ""


class Problem(msgspec.Struct, frozen=True):
    """An error as RFC 9457 tells it."""

    title: str = ""
    detail: str = ""
    errors: tuple[BrokenRule, ...] = ()


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of a section's text, as it is written in one of the tries."""

    position: int
    attempt: int
    text: str
