"""Job records: what all kinds have in common."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from aether.domain.open_enum import OpenEnum
from aether.domain.stored_struct import StoredStruct


# Each member has an entry in the registry of every layer: docs/adding-a-kind.md.
class Kind(OpenEnum):
    """The kind of a job: what it makes."""

    REPORT = "report"
    CHECKLIST = "checklist"
    IMAGE = "generation"  # as the wire and the store have always called it


class Status(OpenEnum):
    """Status of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({Status.PENDING, Status.PROCESSING})
ENDED = frozenset(Status) - LIVE
RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED})


class StepStatus(OpenEnum):
    """Status of a step."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Usage(msgspec.Struct, frozen=True):
    """The number of model calls and their tokens."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    @property
    def tokens(self) -> int:
        """Input and output tokens."""
        return self.input_tokens + self.output_tokens


class Problem(msgspec.Struct, frozen=True):
    """Why a job failed: a stable type for programs, a sentence for people, and the step that failed."""

    type: str
    detail: str
    step: str | None = None


class Step(StoredStruct, frozen=True):
    """One durable step of a job: `result` is its value as JSON once it is done, `order` its place among the steps.

    A step `is_extra` if it was added to a plan that was complete; it does not count for the progress.
    """

    name: str
    order: int = 0
    status: StepStatus = StepStatus.PENDING
    title: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    is_extra: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """A failed attempt of a step, or a warning about one that succeeded.

    `status` is the HTTP status of the answer, if there was one.
    """

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None
    status: int | None = None


class Limits(StoredStruct, frozen=True, omit_defaults=True):
    """A job's limits: seconds since it was queued, input and output tokens; None is the service's default."""

    seconds: float | None = None
    tokens: int | None = None

    def __or__(self, new: "Limits") -> "Limits":
        """Return these limits, replaced by the new ones where they are set."""
        return replace(
            self,
            seconds=self.seconds if new.seconds is None else new.seconds,
            tokens=self.tokens if new.tokens is None else new.tokens,
        )


class Job(msgspec.Struct, frozen=True):
    """A job of any kind: its record at `version`.

    `steps` are in the order they were planned, `attempts` in the order they failed. `epoch` increases whenever the
    right to write changes hands (a fencing token); commits with an older one are rejected. `queued_at` is when the job
    last became pending, `started_at` when it first started after that. `total` is the number of steps in the plan, 0
    while it is unknown.
    """

    id: str
    kind: Kind
    owner: str
    input: msgspec.Raw
    status: Status
    version: int
    epoch: int
    created_at: datetime
    queued_at: datetime
    updated_at: datetime
    expires_at: datetime
    started_at: datetime | None = None
    limits: Limits = Limits()
    total: int = 0
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    usage: Usage = Usage()
    problem: Problem | None = None

    def step(self, name: str) -> Step | None:
        """Return the step with this name, if it is planned."""
        return next((step for step in self.steps if step.name == name), None)

    def count(self, status: StepStatus) -> int:
        """How many steps have this status."""
        return sum(step.status is status for step in self.steps)

    @property
    def progress(self) -> float:
        """Finished steps ÷ all steps: 0 until the plan is known, never decreasing, 1 only when the job is completed."""
        return compute_progress(self.status, count_progress(self.steps), self.total)


def count_progress(steps: Iterable[Step]) -> int:
    """Count the steps that are done, without those that were added to a complete plan."""
    return sum(step.status is StepStatus.DONE and not step.is_extra for step in steps)


def compute_progress(status: Status, done: int, total: int) -> float:
    """Compute the progress of a job with `done` finished steps; `total` is as in its record."""
    if status is Status.COMPLETED:
        return 1.0
    if not total:
        return 0.0
    # The last step is done shortly before the job is.
    return min(done / total, 0.99)


ALLOWED_FROM: dict[Status, frozenset[Status]] = {
    Status.PENDING: RETRYABLE,
    Status.PROCESSING: LIVE,
    Status.COMPLETED: frozenset({Status.PROCESSING}),
    Status.FAILED: LIVE,
    Status.CANCELLED: LIVE,
}
"""The statuses from which a job may change to each status; a job that another worker takes over stays processing.

A job whose workers all died may fail without having been processing.
"""


class Change(msgspec.Struct, frozen=True):
    """A change to a record, applied as a whole or not at all.

    `steps` replace those with the same name; `attempts` and `usage` are added; `limits`, if set, replace the job's.
    """

    status: Status | None = None
    total: int | None = None
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    usage: Usage = Usage()
    problem: Problem | None = None
    limits: Limits | None = None

    def __add__(self, later: "Change") -> "Change":
        return Change(
            later.status or self.status,
            self.total if later.total is None else later.total,
            self.steps + later.steps,
            self.attempts + later.attempts,
            self.usage + later.usage,
            later.problem or self.problem,
            later.limits or self.limits,
        )
