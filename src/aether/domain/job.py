"""The record of a job: what every kind has in common."""

from datetime import datetime
from enum import StrEnum

import msgspec

from aether.domain.open_enum import OpenEnum


# Each member has an entry in the registry of every layer: docs/adding-a-kind.md.
class Kind(OpenEnum):
    """What a job makes."""

    REPORT = "report"
    CHECKLIST = "checklist"
    IMAGE = "generation"  # as the wire and the store have always called it


class Status(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = frozenset({Status.PENDING, Status.PROCESSING})
ENDED = frozenset(Status) - LIVE
RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED})


class StepStatus(StrEnum):
    """Where one step of a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Usage(msgspec.Struct, frozen=True):
    """What model calls cost, in calls and tokens."""

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
        """Tokens in both directions."""
        return self.input_tokens + self.output_tokens


class Problem(msgspec.Struct, frozen=True):
    """Why a job failed: a stable word for programs, a sentence for people, the step that gave up."""

    type: str
    detail: str
    step: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One durable piece of a job's work.

    `result` is its value as JSON once it is done, `order` its place in the plan.
    """

    name: str
    order: int = 0
    status: StepStatus = StepStatus.PENDING
    title: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


class Attempt(msgspec.Struct, frozen=True):
    """One failed try of a step; `status` is what the other side answered, in HTTP, if it answered at all."""

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None
    status: int | None = None


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job may cost: seconds from when it is queued, tokens in both directions; None is the service's own."""

    seconds: float | None = None
    tokens: int | None = None

    def __or__(self, given: "Limits") -> "Limits":
        """Return these limits with those that are given in their place."""
        return Limits(
            self.seconds if given.seconds is None else given.seconds,
            self.tokens if given.tokens is None else given.tokens,
        )


class Job(msgspec.Struct, frozen=True):
    """A job of any kind as its record stands at `version`.

    `steps` come in the order in which they were planned, `attempts` in the order in which they failed. `epoch` counts
    the times the right to write changed hands; whoever holds an older one is refused. `queued_at` is when it last
    became pending, `started_at` when it was first taken up after that. `total` is how many steps there will be, 0 while
    that is not known yet.
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
        """Return the step of this name, if it is planned already."""
        return next((step for step in self.steps if step.name == name), None)

    def count(self, status: StepStatus) -> int:
        """How many steps stand at `status`."""
        return sum(step.status is status for step in self.steps)

    @property
    def progress(self) -> float:
        """Finished steps ÷ all steps: 0 until the plan is known, never falling, 1 only when the job is completed."""
        return progress_of(self.status, self.count(StepStatus.DONE), self.total)


def progress_of(status: Status, done: int, total: int) -> float:
    """Say how far a job is of which `done` steps are done; `total` is as in its record."""
    if status is Status.COMPLETED:
        return 1.0
    if not total:
        return 0.0
    # The last step is done a moment before the job is.
    return min(done / total, 0.99)


MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: RETRYABLE,
    Status.PROCESSING: LIVE,
    Status.COMPLETED: frozenset({Status.PROCESSING}),
    Status.FAILED: LIVE,
    Status.CANCELLED: LIVE,
}
"""For each status, those from which a job may come to it; a job taken over by another worker goes on processing.

A job whose every worker died may fail without having been seen processing.
"""


class Change(msgspec.Struct, frozen=True):
    """What one commit does to a record: everything in it, or nothing.

    `steps` replace those of the same name, `attempts` are added, `usage` is counted on top; `limits`, if given, replace
    the job's.
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
