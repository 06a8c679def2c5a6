"""Every error Aether raises on purpose.

    AetherError
    ├── CallerError                 the caller's: answered at once, never retried
    │   ├── FieldError
    │   ├── UnknownJobError
    │   ├── UnknownDeliveryError
    │   ├── NoEndpointError
    │   ├── IllegalMoveError
    │   ├── IdempotencyKeyReusedError
    │   ├── InvalidCredentialError
    │   └── ForbiddenError
    │       └── BeyondTokenError
    ├── TransientError              the world's, for now: tried again
    │   ├── ModelOverloadedError        429, 503 and their kin: carries the server's pause
    │   ├── ModelUnreachableError       no connection, reset, timeout
    │   ├── ModelFailedError            a 5xx
    │   ├── UnusableOutputError         an answer that is empty or cannot be parsed
    │   ├── QueueFullError
    │   ├── TooManyJobsError
    │   ├── RateLimitedError            an owner's requests, not a model's
    │   ├── IdentityProviderUnavailableError
    │   └── StoreUnavailableError
    ├── PermanentError              the world's, for good: the job fails with this description
    │   ├── ModelRejectedKeyError
    │   ├── ModelRejectedRequestError
    │   ├── ModelRefusedError
    │   ├── BudgetExceededError         the next call might cost more than the job may
    │   ├── DeadlineExceededError       the job took longer than it may
    │   └── StepFailedError             a step gave up: which one, after how many attempts, and why
    ├── UnknownKeyError             an operator names a key that is not there, or
    ├── NameTakenError              a new one as another is named
    ├── RefusedDestinationError     an address that must not be called: a broken rule, or a webhook's failed try
    ├── FencedError                 this run no longer owns its job; it stops without a word
    └── ConfigurationError          the service cannot start as it is set up

Errors take data and compose their own message; what the message says may be shown to the caller. They know no HTTP: one
table in `aether.api` turns them into problems, one in `aether.durable` decides between another try and giving up.
"""


class AetherError(Exception):
    """Root of every error raised on purpose; its text is fit for the caller's eyes."""


class CallerError(AetherError):
    """The caller asked for something that cannot be done."""


class FieldError(CallerError, ValueError):
    """A field breaks a rule; a ValueError, so that msgspec reports it as part of decoding."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class UnknownJobError(CallerError):
    """No such job, or not this caller's: the two cannot be told apart from outside."""

    def __init__(self, job_id: str) -> None:
        super().__init__("No job with this id exists; it may have expired.")
        self.job_id = job_id


class UnknownDeliveryError(CallerError):
    """No such delivery, or not this caller's: the two cannot be told apart from outside."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__("No delivery with this id exists; it may have expired.")
        self.delivery_id = delivery_id


class NoEndpointError(CallerError):
    """The owner has set no endpoint for webhooks."""

    def __init__(self) -> None:
        super().__init__("No endpoint is set; set one with PUT.")


# In words that suit every kind: each has names of its own for a status.
_STANDING = {
    "pending": "is waiting",
    "processing": "is running",
    "completed": "has completed",
    "failed": "has failed",
    "cancelled": "was cancelled",
}
_MOVES = {"pending": "be tried again", "cancelled": "be cancelled"}


class IllegalMoveError(CallerError):
    """A status change that the life of a job does not allow."""

    def __init__(self, status: str, wanted: str) -> None:
        super().__init__(f"A job that {_STANDING.get(status, status)} cannot {_MOVES.get(wanted, f'become {wanted}')}.")
        self.status = status
        self.wanted = wanted


class IdempotencyKeyReusedError(CallerError):
    """The owner has asked for something else under the same idempotency key."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key stands for another request; take a new one for each.")


class InvalidCredentialError(CallerError):
    """The caller did not say who they are, or what was `sent` is not valid, or not any more."""

    def __init__(self, why: str, *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


class ForbiddenError(CallerError):
    """The caller is known, but may not do this; `scope` is what it takes, if that is all."""

    def __init__(self, scope: str | None, why: str | None = None) -> None:
        super().__init__(why or f"This takes the scope {scope}, which your credentials do not have.")
        self.scope = scope


class BeyondTokenError(ForbiddenError):
    """A read token was sent with a request that does anything else than to read one job."""

    def __init__(self) -> None:
        super().__init__(None, "A read token is for reading the job that it was made for, and for nothing else.")


class TransientError(AetherError):
    """The world failed for now.

    `retry_after` is the least wait in seconds it asked for, `status` what it answered in HTTP, if it did.
    """

    status: int | None = None

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelOverloadedError(TransientError):
    """The model server asks for fewer requests."""

    def __init__(self, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"The model server is overloaded (HTTP {status}).", retry_after)
        self.status = status


class ModelUnreachableError(TransientError):
    """No answer from the model server: connection refused or lost, or a timeout."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The model server could not be reached: {what}.")


class ModelFailedError(TransientError):
    """The model server answered that it failed."""

    def __init__(self, status: int, retry_after: float | None = None) -> None:
        super().__init__(f"The model server failed (HTTP {status}).", retry_after)
        self.status = status


class UnusableOutputError(TransientError):
    """The model answered, but not with anything the step can use."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The model's answer was unusable: {why}.")
        self.why = why


class QueueFullError(TransientError):
    """The queue holds as many jobs as it may."""

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"The queue is full ({limit} jobs are waiting).", retry_after)
        self.limit = limit


class RateLimitedError(TransientError):
    """The owner has made as many requests as may be made for now."""

    def __init__(self, requests: int, seconds: float, retry_after: float) -> None:
        super().__init__(f"The limit of {requests} requests in {seconds:g} s is reached.", retry_after)


class TooManyJobsError(TransientError):
    """As many of the owner's jobs wait or run as may at a time."""

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(f"No more than {limit} of your jobs may wait or run at a time.", retry_after)
        self.limit = limit


class StoreUnavailableError(TransientError):
    """Redis cannot be reached or refuses to write."""

    def __init__(self, what: str, retry_after: float = 2.0) -> None:
        super().__init__("The job store is unavailable.", retry_after)
        self.what = what


class IdentityProviderUnavailableError(TransientError):
    """The keys of the identity provider cannot be had."""

    def __init__(self, what: str, retry_after: float = 5.0) -> None:
        super().__init__("The identity provider is unavailable.", retry_after)
        self.what = what


class PermanentError(AetherError):
    """The world failed for good; trying again would change nothing. `status` is what it answered in HTTP, if it did."""

    status: int | None = None


class ModelRejectedKeyError(PermanentError):
    """The API key is missing, wrong, or not allowed to use the model; `setting` is where it comes from."""

    def __init__(self, status: int, setting: str = "OPENAI_API_KEY") -> None:
        super().__init__(f"The model server rejected the API key (HTTP {status}). Check {setting}.")
        self.status = status


class ModelRejectedRequestError(PermanentError):
    """The model server finds fault with the request itself."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"The model server rejected the request (HTTP {status}): {detail}")
        self.status = status


class ModelRefusedError(PermanentError):
    """The model or its content filter declined to write about this."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(f"The model declined to answer: {reason}")
        self.status = status


class BudgetExceededError(PermanentError):
    """The next call might take the job beyond the tokens it may spend."""

    def __init__(self, limit: int, spent: int, needed: int) -> None:
        super().__init__(
            f"The job may spend {limit} tokens; {spent} are spent, and the next call may need {needed}. "
            "Retry with a higher maxTokens to go on."
        )


class DeadlineExceededError(PermanentError):
    """The job took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The job was not finished within {seconds:g} seconds of being queued.")


class StepFailedError(PermanentError):
    """A step of a job failed for good; `cause` is its last error."""

    def __init__(self, step: str, title: str | None, attempts: int, cause: AetherError) -> None:
        times = "" if attempts == 1 else f" after {attempts} attempts"
        super().__init__(f"{title or step.capitalize()} failed{times}: {cause}")
        self.step = step
        self.cause = cause


class UnknownKeyError(AetherError):
    """No key has this id, and no valid one this name."""

    def __init__(self, id_or_name: str) -> None:
        super().__init__(f"There is no valid key {id_or_name}.")
        self.id_or_name = id_or_name


class NameTakenError(AetherError):
    """A valid key has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a key {name} already; revoke it first, or rotate it.")
        self.name = name


class RefusedDestinationError(AetherError):
    """An address that must not be called on anybody's word; `rule` says what it should have been."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"The address {rule}.")
        self.rule = rule


class FencedError(AetherError):
    """The job was cancelled, erased or taken over: whoever holds this run must stop writing."""

    def __init__(self, job_id: str) -> None:
        super().__init__("This run no longer owns its job.")
        self.job_id = job_id


class ConfigurationError(AetherError):
    """The service cannot start as configured; the text says what to set."""
