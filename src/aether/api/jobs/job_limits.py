"""What a caller may set on a job of any kind."""

from typing import Annotated, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.domain.job import Limits

MaxTokens = Annotated[
    int,
    Meta(
        ge=1,
        le=100_000_000,
        description="Tokens the job may spend, in both directions; before a call that might exceed them it fails.",
    ),
]
DeadlineSeconds = Annotated[
    int, Meta(ge=1, le=604_800, description="Seconds after which the job fails, counted from when it is queued.")
]


class RetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """New limits for the next run; what is left out stays as it was."""

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET


class Limited(Protocol):
    """A body with these fields."""

    @property
    def max_tokens(self) -> int | UnsetType: ...  # noqa: D102 - as above

    @property
    def deadline_seconds(self) -> int | UnsetType: ...  # noqa: D102 - as above


def limits_of(body: Limited | None) -> Limits:
    """Read the limits out of a body, or of none."""
    if body is None:
        return Limits()
    return Limits(
        seconds=None if body.deadline_seconds is UNSET else body.deadline_seconds,
        tokens=None if body.max_tokens is UNSET else body.max_tokens,
    )
