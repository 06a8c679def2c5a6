"""Access control: callers, scopes, quotas and API keys."""

from datetime import datetime

from aether.domain.open_enum import OpenEnum
from aether.domain.stored_struct import StoredStruct

LOCAL = "local"
"""The owner of all jobs of a service that requires no credentials."""

MAX_OWNER_LENGTH = 255


class Scope(OpenEnum):
    """What a caller may do with the owner's data.

    `read`: read everything. `write`: submit, cancel, retry and delete jobs, store and delete templates, and acknowledge
    notifications. `admin`: manage webhooks; includes the other two.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Rate(StoredStruct, frozen=True):
    """A rate limit: a bucket of `requests` tokens that refills evenly within `seconds`; a request takes one."""

    requests: int
    seconds: float


class Quota(StoredStruct, frozen=True):
    """An owner's limits; None is the service's default. `jobs` is how many may wait or run at a time."""

    rate: Rate | None = None
    jobs: int | None = None


class Caller(StoredStruct, frozen=True):
    """Who sends a request: the owner, and what the caller may do; if `job_id` is set, only with that job.

    `key_id` identifies the caller's API key, for the log.
    """

    owner: str
    scopes: frozenset[Scope]
    quota: Quota = Quota()
    job_id: str | None = None
    key_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this caller has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class KeyDigest(StoredStruct, frozen=True):
    """The SHA-256 of a key's secret in hexadecimal; a replaced secret is valid `until` then."""

    sha256: str
    until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the secret is still valid."""
        return self.until is None or now < self.until


class ApiKey(StoredStruct, frozen=True):
    """An API key without its secret; the newest of the `digests` comes first."""

    id: str
    name: str
    owner: str
    scopes: frozenset[Scope]
    created_at: datetime
    digests: tuple[KeyDigest, ...]
    quota: Quota = Quota()
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def ended_before(self, moment: datetime) -> bool:
        """Whether the key was revoked or had expired before this moment."""
        return any(end is not None and end < moment for end in (self.revoked_at, self.expires_at))


def is_owner_name(text: str) -> bool:
    """Whether this is a valid owner name: up to 255 printable characters, no leading or trailing space."""
    return 0 < len(text) <= MAX_OWNER_LENGTH and text.isprintable() and text == text.strip()
