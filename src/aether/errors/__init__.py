"""Errors that Aether raises on purpose, one module for each family.

    AetherError
    ├── CallerError                 the caller's mistake: answered at once, never retried
    │   ├── FieldError
    │   ├── UnknownJobError
    │   ├── UnknownDeliveryError
    │   ├── NoEndpointError
    │   ├── UnknownTemplateError
    │   ├── ReadOnlyTemplateError
    │   ├── TemplateLimitError
    │   ├── IllegalMoveError
    │   ├── IdempotencyKeyReusedError
    │   ├── InvalidCredentialError
    │   └── ForbiddenError
    │       └── ReadTokenScopeError
    ├── TransientError              a failure that may pass: retried
    │   ├── ModelOverloadedError        HTTP 429, 503 or alike: carries the server's pause
    │   ├── ModelUnreachableError       no connection, connection reset, timeout
    │   ├── ModelFailedError            any other 5xx
    │   ├── UnusableOutputError         an empty answer, or one that cannot be parsed
    │   ├── QueueFullError
    │   ├── TooManyJobsError
    │   ├── RateLimitedError            too many requests from an owner, not too many to a model
    │   ├── IdentityProviderUnavailableError
    │   ├── StoreUnavailableError
    │   └── NotDurableError             a new job may be lost in a failure of the store
    ├── PermanentError              a failure that stays: the job fails with this message
    │   ├── ModelRejectedKeyError
    │   ├── ModelRejectedRequestError
    │   ├── UnknownModelError
    │   ├── ModelRefusedError
    │   ├── BudgetExceededError         the next call might exceed the job's token budget
    │   ├── DeadlineExceededError       the job took too long
    │   └── StepFailedError             a step gave up: which one, after how many attempts, and why
    ├── ConfigurationError          the service cannot start with these settings
    ├── UnknownKeyError             an operator names an API key that does not exist
    ├── NameTakenError              an operator gives a new API key a name that is in use
    ├── FencedError                 this run no longer owns its job; it stops silently
    ├── ModelPausedError            the job's model is paused; the job goes back to the queue for that time
    ├── UnsupportedRecordError      a record of a newer version, left to a process that knows it
    └── RefusedDestinationError     an address that must not be called; becomes a FieldError or a failed delivery

Errors take data and compose their message themselves; the message may be shown to the caller. They do not know HTTP: a
table in `aether.api` maps them to problem details, and `aether.durable` decides between a retry and giving up.
"""

from aether.errors.base import AetherError
from aether.errors.caller import (
    CallerError,
    FieldError,
    ForbiddenError,
    IdempotencyKeyReusedError,
    IllegalMoveError,
    InvalidCredentialError,
    NoEndpointError,
    ReadOnlyTemplateError,
    ReadTokenScopeError,
    TemplateLimitError,
    UnknownDeliveryError,
    UnknownJobError,
    UnknownTemplateError,
)
from aether.errors.internal import FencedError, ModelPausedError, RefusedDestinationError, UnsupportedRecordError
from aether.errors.operator import ConfigurationError, NameTakenError, UnknownKeyError
from aether.errors.permanent import (
    BudgetExceededError,
    DeadlineExceededError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelRejectedRequestError,
    PermanentError,
    StepFailedError,
    UnknownModelError,
)
from aether.errors.transient import (
    IdentityProviderUnavailableError,
    ModelFailedError,
    ModelOverloadedError,
    ModelUnreachableError,
    NotDurableError,
    QueueFullError,
    RateLimitedError,
    StoreUnavailableError,
    TooManyJobsError,
    TransientError,
    UnusableOutputError,
)

__all__ = [
    "AetherError",
    "BudgetExceededError",
    "CallerError",
    "ConfigurationError",
    "DeadlineExceededError",
    "FencedError",
    "FieldError",
    "ForbiddenError",
    "IdempotencyKeyReusedError",
    "IdentityProviderUnavailableError",
    "IllegalMoveError",
    "InvalidCredentialError",
    "ModelFailedError",
    "ModelOverloadedError",
    "ModelPausedError",
    "ModelRefusedError",
    "ModelRejectedKeyError",
    "ModelRejectedRequestError",
    "ModelUnreachableError",
    "NameTakenError",
    "NoEndpointError",
    "NotDurableError",
    "PermanentError",
    "QueueFullError",
    "RateLimitedError",
    "ReadOnlyTemplateError",
    "ReadTokenScopeError",
    "RefusedDestinationError",
    "StepFailedError",
    "StoreUnavailableError",
    "TemplateLimitError",
    "TooManyJobsError",
    "TransientError",
    "UnknownDeliveryError",
    "UnknownJobError",
    "UnknownKeyError",
    "UnknownModelError",
    "UnknownTemplateError",
    "UnsupportedRecordError",
    "UnusableOutputError",
]
