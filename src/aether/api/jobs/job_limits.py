"""Job limits: what a caller may set for a job of any kind."""

from typing import Annotated, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.domain.job import Limits

MaxTokens = Annotated[
    int,
    Meta(
        ge=1,
        le=100_000_000,
        description="How many tokens the job may use, input and output together. It fails before a call that might use "
        "more.",
    ),
]
DeadlineSeconds = Annotated[
    int, Meta(ge=1, le=604_800, description="Seconds after which the job fails, from when it is queued.")
]


class RetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """New limits for the job; a limit that is left out does not change."""

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET


class LimitFields(Protocol):
    """A body with fields for the limits."""

    @property
    def max_tokens(self) -> int | UnsetType: ...  # noqa: D102 - as above

    @property
    def deadline_seconds(self) -> int | UnsetType: ...  # noqa: D102 - as above


def limits_of(body: LimitFields | None) -> Limits:
    """Return the limits in a body; no limits if there is no body."""
    if body is None:
        return Limits()
    return Limits(
        seconds=None if body.deadline_seconds is UNSET else body.deadline_seconds,
        tokens=None if body.max_tokens is UNSET else body.max_tokens,
    )
