"""Schemas of problem details, which the API answers for every kind of job (RFC 9457)."""

import msgspec


class BrokenRule(msgspec.Struct, frozen=True):
    """A field of the request and the rule it breaks."""

    field: str = ""
    rule: str = ""


class Problem(msgspec.Struct, frozen=True):
    """The body of an error response."""

    type: str = ""
    title: str = ""
    detail: str = ""
    errors: tuple[BrokenRule, ...] = ()
