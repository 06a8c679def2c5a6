"""Caller errors: the request cannot be carried out as it is."""

from collections.abc import Sequence
from typing import Self

from aether.errors.base import AetherError

_MAX_NAMED = 4


class CallerError(AetherError):
    """The caller asked for something that cannot be done."""


class FieldError(CallerError, ValueError):
    """A field breaks a rule; a ValueError, so that msgspec reports it as part of decoding.

    `others` are the errors that were found with it.
    """

    def __init__(self, field: str, rule: str, others: "Sequence[FieldError]" = ()) -> None:
        named = [f"{each.field}: {each.rule}" for each in others[:_MAX_NAMED]]
        more = len(others) - len(named)
        super().__init__("; ".join([f"{field}: {rule}", *named, *([f"and {more} more"] if more else [])]))
        self.field: str = field
        self.rule: str = rule
        self._others = tuple(others)

    @classmethod
    def of(cls, errors: "Sequence[FieldError]") -> Self:
        """Return one error for all of these, of which there must be one at least."""
        first, *others = errors
        return cls(first.field, first.rule, others)

    @property
    def errors(self) -> "tuple[FieldError, ...]":
        """This error, and those that were found with it."""
        return (self, *self._others)


class UnknownJobError(CallerError):
    """The job does not exist or belongs to another owner; callers cannot tell which."""

    def __init__(self, job_id: str) -> None:
        super().__init__("No job with this id exists; it may have expired.")
        self.job_id = job_id


class UnknownDeliveryError(CallerError):
    """The delivery does not exist or belongs to another owner; callers cannot tell which."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__("No delivery with this id exists; it may have expired.")
        self.delivery_id = delivery_id


class NoEndpointError(CallerError):
    """The owner has set no webhook endpoint."""

    def __init__(self) -> None:
        super().__init__("No endpoint is set; set one with PUT.")


class UnknownTemplateError(CallerError):
    """The template, or this version of it, does not exist or belongs to another owner; callers cannot tell which."""

    def __init__(self, reference: str) -> None:
        super().__init__("No template with this name and version exists.")
        self.reference = reference


class ReadOnlyTemplateError(CallerError):
    """The template comes with the server."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The template {name} comes with the server and cannot be deleted.")


class TemplateLimitError(CallerError):
    """The owner has as many templates, or the template as many versions, as there may be."""

    def __init__(self, limit: int, noun: str) -> None:
        super().__init__(f"There are {limit} {noun} already, which is the limit; delete one first.")
        self.limit = limit


# Each kind of job has its own status words on the wire; these fit all kinds.
_STATUS_PHRASES = {
    "pending": "is waiting",
    "processing": "is running",
    "completed": "has completed",
    "failed": "has failed",
    "cancelled": "was cancelled",
}
_MOVE_PHRASES = {"pending": "be tried again", "cancelled": "be cancelled"}


class IllegalMoveError(CallerError):
    """The job's current `status` does not allow a change to `wanted`."""

    def __init__(self, status: str, wanted: str) -> None:
        phrase = _STATUS_PHRASES.get(status, f"is {status}")
        super().__init__(f"A job that {phrase} cannot {_MOVE_PHRASES.get(wanted, f'become {wanted}')}.")
        self.status = status
        self.wanted = wanted


class IdempotencyKeyReusedError(CallerError):
    """The owner has sent another request with the same idempotency key."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key stands for another request; take a new one for each.")


class InvalidCredentialError(CallerError):
    """The caller sent no credential, or one that is not valid (`sent` tells which)."""

    def __init__(self, why: str, *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


class ForbiddenError(CallerError):
    """The caller is known but may not do this; `scope` is the missing one, None if no scope would help."""

    def __init__(self, scope: str | None, why: str | None = None) -> None:
        super().__init__(why or f"This takes the scope {scope}, which your credentials do not have.")
        self.scope = scope


class ReadTokenScopeError(ForbiddenError):
    """A read token was sent with a request that does anything other than read its job."""

    def __init__(self) -> None:
        super().__init__(None, "A read token is for reading the job that it was made for, and for nothing else.")
