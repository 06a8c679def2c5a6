"""What can be seen of a fleet's jobs from outside: records in Redis, calls at the model."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence

import msgspec
import redis

from aether.adapters.redis.event_log import FIRST_EVENT, parse_events
from aether.adapters.redis.record_serializer import parse_job
from aether.domain.events import Event
from aether.domain.job import ENDED, Job, Step
from tests.chaos.fleet import Fleet
from tests.scripted_model import Call
from tests.service.stack import JOB, QUEUE

_BATCH = 200
_PAUSE_S = 0.1


class History(msgspec.Struct, frozen=True):
    """All that is known of one job; its calls are those for steps, without repairs and continuations."""

    job: Job
    versions: tuple[int, ...]
    events: tuple[Event, ...]
    calls: tuple[Call, ...]

    def told(self) -> list[str]:
        """Tell it as lines, for a failure."""
        job = self.job
        lines = [f"job {job.id} {job.status} version {job.version} epoch {job.epoch} total {job.total} {job.problem}"]
        lines += [f"  step {_told_step(step)}" for step in job.steps]
        lines += [f"  attempt {failed.step} {failed.attempt}: {failed.error[:100]}" for failed in job.attempts]
        lines += [f"  event {number} {event}" for number, event in zip(self.versions, self.events, strict=True)]
        lines += [
            f"  call {call.kind} {call.index} try {call.nth} by {call.model}: {call.started:.2f}"
            f" to {call.finished or 0:.2f} {call.outcome}"
            for call in self.calls
        ]
        return lines


def histories(fleet: Fleet, ids: Collection[str]) -> list[History]:
    """Read all there is of these jobs; one without a record is left out."""
    calls = calls_by_topic(fleet.model.calls())
    wanted = list(ids)
    found = []
    for at in range(0, len(wanted), _BATCH):
        batch = wanted[at : at + _BATCH]
        for job_id, record in zip(batch, _records(fleet.client, batch), strict=True):
            if record:
                job = parse_job(job_id, record)
                versions, events = zip(FIRST_EVENT, *parse_events(record), strict=True)
                found.append(History(job, versions, events, tuple(calls[topic_of(job)])))
    return found


def read_jobs(client: redis.Redis, ids: Sequence[str]) -> list[Job | None]:
    """Read records in one round trip."""
    records = zip(ids, _records(client, ids), strict=True)
    return [parse_job(job_id, record) if record else None for job_id, record in records]


def stored_ids(client: redis.Redis) -> list[str]:
    """Return the ids of all jobs in the store, those that nobody was told of too."""
    return [key.decode().removeprefix(JOB) for key in client.scan_iter(match=JOB + "*", count=1_000)]


def calls_by_topic(calls: Sequence[Call]) -> dict[str, list[Call]]:
    """Sort the calls for steps by job."""
    sorted_calls: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind in {"outline", "section", "rewrite"}:
            sorted_calls[call.topic].append(call)
    return sorted_calls


def topic_of(job: Job) -> str:
    """Return the topic, by which calls are told apart."""
    topic: str = msgspec.json.decode(job.input)["topic"]
    return topic


def wait_until_ended(fleet: Fleet, ids: Collection[str], within_s: float) -> list[str]:
    """Wait until the jobs have ended and the queue is empty, with the workers kept up; return the ids that have not."""
    open_ids, limit = list(ids), time.monotonic() + within_s
    while time.monotonic() < limit:
        fleet.top_up()
        open_ids = [
            job_id
            for at in range(0, len(open_ids), _BATCH)
            for job_id, job in _with_jobs(fleet.client, open_ids[at : at + _BATCH])
            if job is not None and job.status not in ENDED
        ]
        if not open_ids and not fleet.client.zcard(QUEUE):
            return []
        time.sleep(_PAUSE_S)
    return open_ids


def _with_jobs(client: redis.Redis, ids: list[str]) -> list[tuple[str, Job | None]]:
    return list(zip(ids, read_jobs(client, ids), strict=True))


def _records(client: redis.Redis, ids: Sequence[str]) -> list[dict[bytes, bytes]]:
    with client.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hgetall(JOB + job_id)
        return pipe.execute()


def _told_step(step: Step) -> str:
    return f"{step.name} {step.status} attempts {step.attempts} result {len(bytes(step.result))} B"
