"""Snake case schemas: what all kinds share, for a kind whose wire names are in snake_case.

A kind may use them as they are, or subclass them for a schema name of its own. msgspec does not rename inherited
fields, so the camelCase schemas beside this module cannot serve both.
"""

import msgspec
from msgspec import UNSET, UnsetType

from aether.api.jobs.fields import (
    AttemptFields,
    CreatedAt,
    ExpiresAt,
    NextAttemptAt,
    Progress,
    UpdatedAt,
    Version,
    WaitingFor,
    unset_if_none,
)
from aether.api.jobs.job_limits import DeadlineSeconds, MaxTokens
from aether.api.jobs.read_tokens import DEFAULT_LIFETIME_S, EventsUrl, ExpiresIn, Token, TokenExpiresAt
from aether.domain.job import Attempt


class SnakeCaseRetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New limits for the job; a limit that is left out does not change."""

    max_tokens: MaxTokens | UnsetType = UNSET
    deadline_seconds: DeadlineSeconds | UnsetType = UNSET


class SnakeCaseTokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the token is valid."""

    expires_in: ExpiresIn = DEFAULT_LIFETIME_S


class SnakeCaseToken(msgspec.Struct, frozen=True):
    """A token that reads one job."""

    token: Token
    expires_at: TokenExpiresAt
    url: EventsUrl


class SnakeCaseFailedAttempt(AttemptFields, frozen=True):
    """A failed attempt of a step, and when the next one is due, if there is one."""

    next_retry_at: NextAttemptAt | UnsetType = UNSET


class SnakeCaseWaitingFields(msgspec.Struct, frozen=True):
    """What a kind shows that takes from the estimate only whether a worker is running."""

    waiting_for: WaitingFor | UnsetType = UNSET


class SnakeCaseListItemFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every job in a list; msgspec puts keyword-only fields last."""

    progress: Progress
    created_at: CreatedAt
    updated_at: UpdatedAt
    expires_at: ExpiresAt
    version: Version


def snake_case_failed_attempt(attempt: Attempt) -> SnakeCaseFailedAttempt:
    """Return a failed attempt as the wire shows it."""
    next_retry_at = unset_if_none(attempt.next_retry_at)
    return SnakeCaseFailedAttempt(attempt.step, attempt.attempt, attempt.at, attempt.error, next_retry_at)
