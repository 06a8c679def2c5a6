"""Fakes: stores, calls and a clock in memory; the contract tests run over the stores as over the real ones."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.events import Event, derive_events
from aether.domain.idempotency import Idempotency
from aether.domain.job import ALLOWED_FROM, ENDED, LIVE, Change, Job, Kind, Status, Step, Usage
from aether.domain.listing import JobPage, JobSummary
from aether.domain.notification import Acknowledgement, InboxPage, Notification
from aether.domain.snapshot import Revision, Snapshot
from aether.domain.webhook import Webhook
from aether.durable.clock import SystemClock
from aether.durable.ports import Clock, Committed, NewJob, Replay
from aether.durable.token_budget import reserve_tokens
from aether.errors import (
    FencedError,
    IdempotencyKeyReusedError,
    IllegalMoveError,
    QueueFullError,
    StoreUnavailableError,
    TooManyJobsError,
    UnknownJobError,
    UnsupportedRecordError,
)
from tests.fake_webhooks import MemoryWebhooks


@dataclass
class MemoryJobStore:
    """A `JobStore` in a dictionary.

    Like the real one, it lets other tasks run before it responds.

    Attributes:
        queue: The ids of queued jobs, oldest first.
        history: Every state of every job.
        snapshots: The jobs that owners have loaded.
        watch_events: Set at each change.
        delta_listeners: The job of each subscriber to text deltas.
    """

    max_queue_length: int = 10_000
    ttl: timedelta = timedelta(days=1)
    clock: Clock = field(default_factory=SystemClock)
    jobs: dict[str, Job] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    history: list[Job] = field(default_factory=list)
    snapshots: list[Job] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    has_worker: bool = True
    is_unavailable: bool = False
    watch_events: set[asyncio.Event] = field(default_factory=set)
    delta_listeners: list[str] = field(default_factory=list)
    inboxes: dict[str, list[Notification]] = field(default_factory=dict)
    webhooks: MemoryWebhooks = field(default_factory=MemoryWebhooks)
    job_webhooks: dict[str, Webhook | None] = field(default_factory=dict)
    by_idempotency_key: dict[str, NewJob] = field(default_factory=dict)

    async def create(self, job: NewJob, max_jobs: int | None = None) -> str:
        await self._answer()
        if job.id in self.jobs:
            return job.id
        if job.idempotency and (first := self._repeated(job.idempotency)):
            return first
        if len(self.queue) >= self.max_queue_length:
            raise QueueFullError(self.max_queue_length, 5.0)
        self._check_job_limit(job.owner, max_jobs)
        if job.idempotency:
            self.by_idempotency_key[job.idempotency.key] = job
        now = self.clock.now()
        steps = tuple(Step(name, order=at) for at, name in enumerate(job.plan))
        self.jobs[job.id] = Job(
            job.id, job.kind, job.owner, msgspec.Raw(job.input), Status.PENDING, 0, 0, now, now, now, now, steps=steps
        )
        self.jobs[job.id] = replace(self.jobs[job.id], limits=job.limits)
        self.job_webhooks[job.id] = job.webhook
        self._apply(job.id, Change(status=Status.PENDING), is_new_epoch=True, now=now)
        return job.id

    async def find_repeated(self, idempotency: Idempotency) -> str | None:
        await self._answer()
        return self._repeated(idempotency)

    def _repeated(self, idempotency: Idempotency) -> str | None:
        first = self.by_idempotency_key.get(idempotency.key)
        if first is None or first.id not in self.jobs:
            return None
        if first.idempotency != idempotency:
            raise IdempotencyKeyReusedError
        return first.id

    async def load(self, job_id: str) -> Job | None:
        await self._answer()
        return self.jobs.get(job_id)

    async def load_snapshot(
        self, kind: Kind, owner: str, job_id: str, known: Revision | None = None
    ) -> Snapshot | None:
        job = await self.load(job_id)
        if job is None or (job.kind, job.owner) != (kind, owner):
            raise UnknownJobError(job_id)
        if known == Revision.of(job):
            return None
        self.snapshots.append(job)
        return Snapshot(job, self._estimate(job) if job.status not in ENDED else Estimate())

    async def replay(self, job_id: str, after: int, limit: int) -> Replay:
        await self._answer()
        events = self.events.get(job_id, [])
        following = list(enumerate(events, start=1))[after : after + limit]
        return Replay(gap=True) if after > len(events) else Replay(tuple(following))

    async def find_existing(self, job_ids: Collection[str]) -> set[str]:
        await self._answer()
        return set(job_ids) & self.jobs.keys()

    async def begin(self, job_id: str, kinds: Collection[Kind] | None = None) -> Job | None:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None or job.status in ALLOWED_FROM.keys() - ALLOWED_FROM[Status.PROCESSING]:
            return None
        if not job.status.is_known:
            raise UnsupportedRecordError(job_id, job.status)
        if kinds is not None and job.kind not in kinds:
            raise UnsupportedRecordError(job_id, job.kind)
        return self._apply(job_id, Change(status=Status.PROCESSING), is_new_epoch=True)

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None or job.epoch > epoch:
            raise FencedError(job_id)
        if (job.epoch, job.version) < (epoch, version) and job.status in LIVE:
            self.queue.append(job_id)
            raise FencedError(job_id)
        if job.version > version:
            return Committed(job.version, job_id in self.delta_listeners)
        if change.status and job.status not in ALLOWED_FROM[change.status]:
            raise FencedError(job_id)
        return Committed(self._apply(job_id, change).version, job_id in self.delta_listeners)

    async def move(self, job_id: str, change: Change, max_jobs: int | None = None) -> None:
        await self._answer()
        job = self.jobs.get(job_id)
        if job is None:
            raise UnknownJobError(job_id)
        if change.status and job.status not in ALLOWED_FROM[change.status]:
            raise IllegalMoveError(job.status, change.status)
        self._check_job_limit(job.owner, max_jobs)
        self._apply(job_id, change, is_new_epoch=True)

    async def erase(self, job_id: str) -> None:
        await self._answer()
        self.jobs.pop(job_id, None)
        self.events.pop(job_id, None)
        for owner, inbox in self.inboxes.items():
            self.inboxes[owner] = [entry for entry in inbox if entry.job_id != job_id]
        self.webhooks.delete_deliveries(job_id)
        self.queue = [queued for queued in self.queue if queued != job_id]
        self.notify_watches()

    async def list(
        self, owner: str, kind: Kind, statuses: frozenset[Status], limit: int, before: str | None = None
    ) -> JobPage:
        await self._answer()
        unknown_too = statuses.issuperset(Status)
        listed = [JobSummary.of(job) for job in self.jobs.values() if (job.owner, job.kind) == (owner, kind)]
        listed = [entry for entry in listed if entry.status in statuses or (unknown_too and not entry.status.is_known)]
        listed = [entry for entry in listed if not before or entry.sort_key < before]
        listed.sort(key=lambda entry: entry.sort_key, reverse=True)
        return JobPage(tuple(listed[:limit]), listed[limit - 1].sort_key if len(listed) > limit else None)

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_unavailable:
            raise StoreUnavailableError("away")

    def _estimate(self, job: Job) -> Estimate:
        position = self.queue.index(job.id) + 1 if job.id in self.queue else None
        return estimate(job, position, self.pace, self.clock.now(), has_worker=self.has_worker)

    def _check_job_limit(self, owner: str, max_jobs: int | None) -> None:
        live = sum(job.owner == owner and job.status in LIVE for job in self.jobs.values())
        if max_jobs is not None and live >= max_jobs:
            raise TooManyJobsError(max_jobs, 5.0)

    def _apply(self, job_id: str, change: Change, *, is_new_epoch: bool = False, now: datetime | None = None) -> Job:
        job, now = self.jobs[job_id], now or self.clock.now()
        events = list(derive_events(change))
        steps = {step.name: step for step in job.steps + change.steps}
        self.events.setdefault(job_id, []).extend(events)
        self.jobs[job_id] = replace(
            job,
            status=change.status or job.status,
            version=job.version + len(events),
            epoch=job.epoch + is_new_epoch,
            started_at=now if self._starts(job, change) else job.started_at,
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
        if change.status in ENDED:
            self._add_notification(self.jobs[job_id])
            self.webhooks.create_delivery(self.jobs[job_id], self.job_webhooks.get(job_id))
        self.history.append(self.jobs[job_id])
        self.notify_watches()
        return self.jobs[job_id]

    def _add_notification(self, job: Job) -> None:
        inbox = self.inboxes.setdefault(job.owner, [])
        number = max(int(job.updated_at.timestamp() * 1e6), inbox[-1].id + 1 if inbox else 0)
        inbox.append(Notification(number, job.kind, job.id, job.status, job.updated_at, job.version))

    def notify_watches(self) -> None:
        for event in self.watch_events:
            event.set()

    def _starts(self, job: Job, change: Change) -> bool:
        return job.status is Status.PENDING and change.status is Status.PROCESSING


@dataclass
class MemoryInbox:
    """An `InboxStore` of the notifications in a job store."""

    store: MemoryJobStore
    ttl: timedelta = timedelta(days=7)

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        entries = await self._load(owner)
        unread = sum(not entry.acked for entry in entries)
        found = [entry for entry in entries if entry.id > after and not (unacked and entry.acked)]
        page = tuple(found[:limit])
        return InboxPage(page, unread, page[-1].id if len(found) > limit else None)

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        entries = await self._load(owner)
        updated = [replace(entry, acked=entry.acked or entry.id in ids) for entry in entries]
        self.store.inboxes[owner] = updated
        unread = [sum(not entry.acked for entry in inbox) for inbox in (entries, updated)]
        return Acknowledgement(unread[0] - unread[1], unread[1])

    async def _load(self, owner: str) -> list[Notification]:
        await asyncio.sleep(0)
        if self.store.is_unavailable:
            raise StoreUnavailableError("away")
        oldest = self.store.clock.now() - self.ttl
        return [entry for entry in self.store.inboxes.get(owner, []) if entry.at >= oldest]


@dataclass
class MemoryFiles:
    """A `FileStore` in a dictionary: `files` by job and name."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    is_unavailable: bool = False

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        await self._answer()
        self.files.setdefault(job_id, {})[name] = content

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        await self._answer()
        content = self.files.get(job_id, {}).get(name)
        return content if content is None else content[start:stop]

    async def erase(self, job_id: str) -> None:
        await self._answer()
        self.files.pop(job_id, None)

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_unavailable:
            raise StoreUnavailableError("away")


@dataclass
class CrashingStore(MemoryJobStore):
    """A store whose worker crashes at the commit after `commits_left` others; never if that is None."""

    commits_left: int | None = None
    crashed: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        if self.commits_left == 0:
            self.crashed.set()
            raise asyncio.CancelledError  # a crashed process does nothing more
        if self.commits_left is not None:
            self.commits_left -= 1
        return await super().commit(job_id, epoch, version, change)


@dataclass
class LossyStore(MemoryJobStore):
    """A store that makes every commit, but loses the response to the first attempt of each."""

    is_lost: bool = False

    async def commit(self, job_id: str, epoch: int, version: int, change: Change) -> Committed:
        committed = await super().commit(job_id, epoch, version, change)
        self.is_lost = not self.is_lost
        if self.is_lost:
            raise StoreUnavailableError("answer lost")
        return committed


@dataclass
class ScriptedCalls:
    """Calls that return their own name, but first wait for their event in `blockers` and raise their `failures`.

    `started` contains the name of every call, `ended` those of calls that were not cancelled.
    """

    failures: dict[str, list[Exception]] = field(default_factory=dict)
    blockers: dict[str, asyncio.Event] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, name: str) -> str:
        self.started.append(name)
        self.changed.set()
        await asyncio.sleep(0)
        with reserve_tokens(11) as reservation:
            reservation.spend(Usage(1, 10, 1))
        if name in self.blockers:
            await self.blockers[name].wait()
        self.ended.append(name)
        if failures := self.failures.get(name):
            raise failures.pop(0)
        return name

    def has_ended(self, calls: int) -> bool:
        return len(self.ended) >= calls

    async def wait_for_start(self, *names: str) -> None:
        """Wait until these calls have started."""
        while not set(names) <= set(self.started):
            self.changed.clear()
            await self.changed.wait()


@dataclass
class FastClock:
    """A `Clock` whose waits end at once; `slept` contains their seconds."""

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


@dataclass
class HeldClock(FastClock):
    """A clock that only the test advances."""

    async def sleep(self, seconds: float) -> None:
        end = self.seconds + seconds
        while self.seconds < end:  # noqa: ASYNC110 - the test sets the time, and no event with it
            await asyncio.sleep(0)


@dataclass
class ShiftedClock:
    """The clock of a machine whose date is wrong by `shift`; it runs as fast as the `right` one."""

    right: Clock
    shift: timedelta

    def now(self) -> datetime:
        return self.right.now() + self.shift

    def monotonic(self) -> float:
        return self.right.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.right.sleep(seconds)
