"""Read tokens over the wire: what is asked for, and what is given out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from aether.api.jobs.fields import Moment

PARAMETER = "access_token"
"""Where an address carries one (RFC 6750, 2.3)."""

_USUAL_S = 900
ExpiresIn = Annotated[int, Meta(ge=60, le=3_600, description="For how many seconds it is good.")]
Token = Annotated[str, Meta(description="The token; it is not shown again.")]
ExpiresAt = Annotated[Moment, Meta(description="When it ends, at the latest with the job.")]
EventsUrl = Annotated[
    str,
    Meta(
        description="The address of the job's events with the token in it, for `new EventSource(url)`.",
        extra_json_schema={"format": "uri"},
    ),
]


class TokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """For how long the token is wanted."""

    expires_in: ExpiresIn = _USUAL_S


class ChecklistTokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the token is wanted."""

    expires_in: ExpiresIn = _USUAL_S


class Lasting(Protocol):
    """A body with this field."""

    @property
    def expires_in(self) -> int: ...  # noqa: D102 - as above


class JobToken(msgspec.Struct, frozen=True, rename="camel"):
    """A token that reads one job."""

    token: Token
    expires_at: ExpiresAt
    url: EventsUrl


class ChecklistToken(msgspec.Struct, frozen=True):
    """A token that reads one checklist."""

    token: Token
    expires_at: ExpiresAt
    url: EventsUrl


def life_of(body: Lasting | None) -> timedelta:
    """Read how long the token is to live out of a body, or of none."""
    return timedelta(seconds=_USUAL_S if body is None else body.expires_in)


def with_token(url: str, text: str) -> str:
    """Write the token into an address."""
    return f"{url}?{PARAMETER}={text}"


_TEXT = "aejt_9TPqQkIyrdMZ4LEq1Ax0vkR0ASA4lS3u6mW0xD2hJ5w"
_ENDS = datetime(2026, 1, 15, 9, 45, tzinfo=UTC)
_EVENTS = "http://127.0.0.1:8000/{}/0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11/events"
TOKEN_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "TokenBody": {"usual": {}, "brief": {"expiresIn": 60}},
    "ChecklistTokenBody": {"usual": {}, "brief": {"expires_in": 60}},
    "JobToken": {"issued": JobToken(_TEXT, _ENDS, with_token(_EVENTS.format("reports"), _TEXT))},
    "ChecklistToken": {"issued": ChecklistToken(_TEXT, _ENDS, with_token(_EVENTS.format("jobs"), _TEXT))},
}
