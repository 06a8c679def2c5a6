"""Stand-ins that behave like the real thing; the same contract tests run over both."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from aether.domain.events import Event, events_of
from aether.domain.job import LIVE, MOVES, Change, Job, Status, Step, Usage
from aether.domain.pace import Outlook, Pace, outlook
from aether.engine.clock import SystemClock
from aether.engine.metering import spending
from aether.engine.ports import Clock, NewJob
from aether.errors import FencedError, IllegalMoveError, QueueFullError, StoreUnavailableError, UnknownJobError


@dataclass
class MemoryJobStore:
    """A `JobStore` in a dictionary. `queue` holds the ids in the order in which they came, `seen` every state of a job.

    Like a real one it answers only after others had their turn.
    """

    longest: int = 10_000
    ttl: timedelta = timedelta(days=1)
    clock: Clock = field(default_factory=SystemClock)
    jobs: dict[str, Job] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    seen: list[Job] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    away: bool = False

    async def create(self, job: NewJob) -> None:
        await self._answer()
        if job.id in self.jobs:
            return
        if len(self.queue) >= self.longest:
            raise QueueFullError(self.longest, 5.0)
        now = self.clock.now()
        steps = tuple(Step(name, order=at) for at, name in enumerate(job.plan))
        self.jobs[job.id] = Job(
            job.id, job.kind, job.owner, msgspec.Raw(job.input), Status.PENDING, 0, 0, now, now, now, now, steps=steps
        )
        self.jobs[job.id] = replace(self.jobs[job.id], limits=job.limits)
        self._apply(job.id, Change(status=Status.PENDING), takes_over=True, now=now)

    async def load(self, job_id: str) -> Job | None:
        await self._answer()
        return self.jobs.get(job_id)

    async def outlook(self, job: Job) -> Outlook:
        await self._answer()
        position = self.queue.index(job.id) + 1 if job.id in self.queue else None
        return outlook(job, position, self.pace, self.clock.now())

    async def begin(self, job_id: str) -> Job | None:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None or job.status not in MOVES[Status.PROCESSING]:
            return None
        return self._apply(job_id, Change(status=Status.PROCESSING), takes_over=True)

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> int:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None or job.epoch > epoch:
            raise FencedError(job_id)
        if (job.epoch, job.version) < (epoch, version) and job.status in LIVE:
            self.queue.append(job_id)
            raise FencedError(job_id)
        if job.version > version:
            return job.version
        if change.status and job.status not in MOVES[change.status]:
            raise FencedError(job_id)
        return self._apply(job_id, change).version

    async def move(self, job_id: str, change: Change) -> None:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None:
            raise UnknownJobError(job_id)
        if change.status and job.status not in MOVES[change.status]:
            raise IllegalMoveError(job.status, change.status)
        self._apply(job_id, change, takes_over=True)

    async def erase(self, job_id: str) -> None:
        await self._answer()
        self.jobs.pop(job_id, None)
        self.events.pop(job_id, None)
        self.queue = [queued for queued in self.queue if queued != job_id]

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailableError("away")

    def _apply(self, job_id: str, change: Change, *, takes_over: bool = False, now: datetime | None = None) -> Job:
        job, now = self.jobs[job_id], now or self.clock.now()
        facts = list(events_of(change))
        steps = {step.name: step for step in job.steps + change.steps}
        self.events.setdefault(job_id, []).extend(facts)
        self.jobs[job_id] = replace(
            job,
            status=change.status or job.status,
            version=job.version + len(facts),
            epoch=job.epoch + takes_over,
            started_at=now if self._begins(job, change) else job.started_at,
            limits=change.limits or job.limits,
            queued_at=now if change.status is Status.PENDING else job.queued_at,
            updated_at=now,
            expires_at=now + self.ttl,
            total=job.total if change.total is None else change.total,
            steps=tuple(sorted(steps.values(), key=lambda step: step.order)),
            attempts=job.attempts + change.attempts,
            usage=job.usage + change.usage,
            problem=change.problem if change.status else job.problem,
        )
        if change.status is Status.COMPLETED and job.started_at:
            self.pace = Pace((now - job.started_at).total_seconds())
        if change.status is not None:
            self.queue = [queued for queued in self.queue if queued != job_id]
        if change.status is Status.PENDING:
            self.queue.append(job_id)
        self.seen.append(self.jobs[job_id])
        return self.jobs[job_id]

    def _begins(self, job: Job, change: Change) -> bool:
        return job.status is Status.PENDING and change.status is Status.PROCESSING


@dataclass
class MortalStore(MemoryJobStore):
    """A store whose worker dies instead of making one more commit than `commits_left`, which None forbids."""

    commits_left: int | None = None
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> int:
        if self.commits_left == 0:
            self.died.set()
            raise asyncio.CancelledError  # nothing more is heard of a dead process
        if self.commits_left is not None:
            self.commits_left -= 1
        return await super().commit(job_id, epoch, version, change)


@dataclass
class ForgetfulStore(MemoryJobStore):
    """A store that makes every commit and loses the first answer to it."""

    lost: bool = False

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> int:
        version = await super().commit(job_id, epoch, version, change)
        self.lost = not self.lost
        if self.lost:
            raise StoreUnavailableError("answer lost")
        return version


@dataclass
class ScriptedCalls:
    """Calls that return their own name, but first fail as scripted, or wait until they are let go.

    `made` names every call that was begun, `ended` every one that was not cut short.
    """

    failures: dict[str, list[Exception]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, name: str) -> str:
        self.made.append(name)
        self.changed.set()
        await asyncio.sleep(0)
        with spending(11) as meter:
            meter.spend(Usage(1, 10, 1))
        if name in self.held:
            await self.held[name].wait()
        self.ended.append(name)
        if left := self.failures.get(name):
            raise left.pop(0)
        return name

    def has_ended(self, calls: int) -> bool:
        return len(self.ended) >= calls

    async def begun(self, *names: str) -> None:
        """Wait until these calls were begun."""
        while not set(names) <= set(self.made):
            self.changed.clear()
            await self.changed.wait()


@dataclass
class FastClock:
    """A `Clock` on which every wait is over at once and is remembered."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)
