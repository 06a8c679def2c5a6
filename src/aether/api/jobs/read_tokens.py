"""Read tokens on the wire: the body that requests one, and the response."""

from datetime import timedelta
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from aether.api.guards.authentication import CREDENTIAL_PARAMETER
from aether.api.jobs.fields import Timestamp

DEFAULT_LIFETIME_S = 900
ExpiresIn = Annotated[int, Meta(ge=60, le=3_600, description="How many seconds the token is valid.")]
Token = Annotated[str, Meta(description="The token. It is not shown again.")]
TokenExpiresAt = Annotated[Timestamp, Meta(description="When the token expires, at the latest with the job.")]
EventsUrl = Annotated[
    str,
    Meta(
        description="The URL of the job's events, with the token in it, for `new EventSource(url)`.",
        extra_json_schema={"format": "uri"},
    ),
]


class TokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How long the token is valid."""

    expires_in: ExpiresIn = DEFAULT_LIFETIME_S


class LifetimeField(Protocol):
    """A body with a field for the lifetime."""

    @property
    def expires_in(self) -> int: ...  # noqa: D102 - as above


class JobToken(msgspec.Struct, frozen=True, rename="camel"):
    """A token that reads one job."""

    token: Token
    expires_at: TokenExpiresAt
    url: EventsUrl


def lifetime_of(body: LifetimeField | None) -> timedelta:
    """Return the lifetime in a body; the default one if there is no body."""
    return timedelta(seconds=DEFAULT_LIFETIME_S if body is None else body.expires_in)


def url_with_token(url: str, token: str) -> str:
    """Return the URL with the token in its query."""
    return f"{url}?{CREDENTIAL_PARAMETER}={token}"
