"""Transient errors: a later retry may succeed."""

from aether.errors.base import AetherError


class TransientError(AetherError):
    """Something failed for now.

    `retry_after` is the shortest wait in seconds that the other side asked for; `status` is its HTTP status. Both are
    None if it sent none.
    """

    status: int | None = None

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelOverloadedError(TransientError):
    """The model server asks for fewer requests, with one of these statuses."""

    # 420 and 430 of older gateways; 498 of Groq: its flexible capacity is used up; 529 of Anthropic.
    STATUSES = frozenset({420, 429, 430, 498, 503, 529})

    def __init__(self, status: int, retry_after: float | None = None, detail: str = "") -> None:
        super().__init__(f"The model server is overloaded (HTTP {status}){_ending(detail)}", retry_after)
        self.status = status


class ModelUnreachableError(TransientError):
    """The model server sent no answer, or only a part of one.

    `timed_out` tells that it took too long, `ended_early` that it ended its answer before its end.
    """

    def __init__(self, what: str, *, timed_out: bool = False, ended_early: bool = False) -> None:
        super().__init__(f"The model server could not be reached: {what}.")
        self.timed_out = timed_out
        self.ended_early = ended_early


class ModelFailedError(TransientError):
    """The model server answered with a server error."""

    def __init__(self, status: int, retry_after: float | None = None, detail: str = "") -> None:
        super().__init__(f"The model server failed (HTTP {status}){_ending(detail)}", retry_after)
        self.status = status


class UnusableOutputError(TransientError):
    """The model answered, but the step cannot use the answer."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The model's answer was unusable: {why.rstrip('.')}{'' if why.endswith('?') else '.'}")
        self.why = why


class QueueFullError(TransientError):
    """The queue holds its maximum number of jobs."""

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"The queue is full ({limit} jobs are waiting).", retry_after)
        self.limit = limit


class RateLimitedError(TransientError):
    """The owner has exceeded the rate limit."""

    def __init__(self, requests: int, seconds: float, retry_after: float) -> None:
        super().__init__(f"The limit of {requests} requests in {seconds:g} s is reached.", retry_after)


class TooManyJobsError(TransientError):
    """The owner's maximum number of jobs is waiting or running."""

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"No more than {limit} of your jobs may wait or run at a time.", retry_after)
        self.limit = limit


class StoreUnavailableError(TransientError):
    """Redis cannot be reached or rejects writes; `why` says what is wrong with it, if it does answer."""

    def __init__(self, what: str, retry_after: float = 2.0, *, why: str = "") -> None:
        super().__init__(f"The job store is unavailable{_ending(why)}{'.' if why else ''}", retry_after)
        self.what = what


class NotDurableError(TransientError):
    """A new job was not made as durable as the settings want; `may_run` tells that it could not be withdrawn either."""

    def __init__(self, where: str, seconds: float, *, may_run: bool, retry_after: float = 2.0) -> None:
        fate = (
            "It may run all the same: the same request with the same Idempotency-Key finds it"
            if may_run
            else "It was withdrawn"
        )
        super().__init__(f"Within {seconds:g} s {where} did not confirm the job. {fate}.", retry_after)
        self.may_run = may_run


class IdentityProviderUnavailableError(TransientError):
    """The identity provider's keys cannot be fetched."""

    def __init__(self, what: str, retry_after: float = 5.0) -> None:
        super().__init__("The identity provider is unavailable.", retry_after)
        self.what = what


def _ending(detail: str) -> str:
    return f": {detail}" if detail else "."
