"""Who may do what."""

from enum import StrEnum

import msgspec

LOCAL = "local"
"""The owner of all jobs where nobody has to say who they are."""


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
    """Whose jobs a request is about, and what it may do with them; with a `job_id`, with that job alone."""

    owner: str
    scopes: frozenset[Scope]
    quota: Quota = Quota()
    job_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this caller has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
