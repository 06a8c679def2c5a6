"""Who may do what."""

from datetime import datetime
from enum import StrEnum

import msgspec

LOCAL = "local"
"""The owner of all jobs where nobody has to say who they are."""

MAX_OWNER_LENGTH = 255


class Scope(StrEnum):
    """What a caller may do with what is the owner's.

    `read`: look. `write`: ask for jobs, stop, retry and forget them, and acknowledge. `admin`: also say where news goes
    to, and holds the other two.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Rate(msgspec.Struct, frozen=True):
    """A bucket of `requests` tokens that fills evenly within `seconds`; a request takes one."""

    requests: int
    seconds: float


class Quota(msgspec.Struct, frozen=True):
    """What an owner may use; None is the service's own. `jobs` is how many may wait or run at a time."""

    rate: Rate | None = None
    jobs: int | None = None


class Caller(msgspec.Struct, frozen=True):
    """Whose jobs a request is about, and what it may do with them; with a `job_id`, with that job alone.

    `key_id` names the key that it was made with, for the log.
    """

    owner: str
    scopes: frozenset[Scope]
    quota: Quota = Quota()
    job_id: str | None = None
    key_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this caller has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class KeyDigest(msgspec.Struct, frozen=True):
    """The SHA-256 of a key's secret text, in hexadecimal; that of a text that was replaced is good `until` then."""

    sha256: str
    until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether the text is good for anything."""
        return self.until is None or now < self.until


class ApiKey(msgspec.Struct, frozen=True):
    """What a caller identifies itself with, without the secret text; the newest of the `digests` stands first."""

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
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def ended_before(self, moment: datetime) -> bool:
        """Whether it was revoked or had expired by then."""
        return any(end is not None and end < moment for end in (self.revoked_at, self.expires_at))


def is_owner_name(text: str) -> bool:
    """Whether this can be the name of an owner: up to 255 printable characters, without space around them."""
    return 0 < len(text) <= MAX_OWNER_LENGTH and text.isprintable() and text == text.strip()
