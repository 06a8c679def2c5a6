"""Read tokens over the wire: what is asked for, and what is given out."""

from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from aether.api.jobs.fields import Moment

PARAMETER = "access_token"
"""Where an address carries one (RFC 6750, 2.3)."""

USUAL_S = 900
"""For how long a token is good if the caller does not say."""
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

    expires_in: ExpiresIn = USUAL_S


class Lasting(Protocol):
    """A body with this field."""

    @property
    def expires_in(self) -> int: ...  # noqa: D102 - as above


class JobToken(msgspec.Struct, frozen=True, rename="camel"):
    """A token that reads one job."""

    token: Token
    expires_at: ExpiresAt
    url: EventsUrl


def life_of(body: Lasting | None) -> timedelta:
    """Read how long the token is to live out of a body, or of none."""
    return timedelta(seconds=USUAL_S if body is None else body.expires_in)


def with_token(url: str, text: str) -> str:
    """Write the token into an address."""
    return f"{url}?{PARAMETER}={text}"
