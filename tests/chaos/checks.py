"""What must hold of every job after whatever was done to the fleet; each check returns what it found wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import redis

from aether.adapters.redis.keys import ACCESS_KEYS, FORMER_QUEUE
from aether.domain.events import AttemptFailed, StatusChanged, StepFinished
from aether.domain.job import ENDED, Status, StepStatus
from tests.chaos.evidence import History
from tests.chaos.timeline import COMMIT_S, Window, monotonic
from tests.scripted_model import Call
from tests.service.stack import QUEUE

Check = Callable[[History], Iterator[str]]
_NEVER = float("inf")
_QUEUES = {QUEUE, FORMER_QUEUE}
_ENDED_IN_QUEUE = ("arq:job:", "arq:retry:", "arq:in-progress:", "arq:claim:")


def versions(history: History) -> Iterator[str]:
    """The events are numbered from 1 without a hole, up to the record's version."""
    if history.versions != tuple(range(1, history.job.version + 1)):
        yield f"events {history.versions} at version {history.job.version}"


def one_result_each(history: History) -> Iterator[str]:
    """A step is told as done once, and it is done in the record; no step of a completed job is missing."""
    told = Counter(event.name for event in history.events if isinstance(event, StepFinished))
    done = Counter(step.name for step in history.job.steps if step.status is StepStatus.DONE)
    if told != done:
        yield f"told as done {dict(told - done)}, done but not told {dict(done - told)}"
    if history.job.status is Status.COMPLETED and (unfinished := set(_names(history)) - set(done)):
        yield f"completed without {sorted(unfinished)}"


def one_end(history: History) -> Iterator[str]:
    """Nothing is told after the end, and the end is the record's status."""
    statuses = [event.status for event in history.events if isinstance(event, StatusChanged)]
    if sum(status in ENDED for status in statuses) != 1:
        yield f"statuses {statuses}"
    elif history.events[-1] != StatusChanged(history.job.status):
        yield f"last told {history.events[-1]}, status {history.job.status}"


def no_older_writer(history: History) -> Iterator[str]:
    """Attempts of a step are numbered upwards, and none comes after its result: a stale writer would repeat one."""
    last: dict[str, int] = defaultdict(int)
    finished = set()
    for event in history.events:
        if isinstance(event, StepFinished):
            finished.add(event.name)
        if isinstance(event, AttemptFailed):
            failed = event.attempt
            if failed.attempt <= last[failed.step] or failed.step in finished:
                yield f"attempt {failed.attempt} of {failed.step} after {last[failed.step]}"
            last[failed.step] = failed.attempt


EVERY_JOB: tuple[Check, ...] = (versions, one_result_each, one_end, no_older_writer)


def paid_in_vain(history: History) -> int:
    """How many calls there were beyond one for each step and each failed attempt on record."""
    return len(history.calls) - paid_steps(history) - len(history.job.attempts)


def paid_steps(history: History) -> int:
    """Return the number of steps that call the model: all but the check, which is code."""
    return sum(step.name != "check" for step in history.job.steps)


def exposed(history: History, windows: Sequence[Window], slowness: float = 1.0) -> list[Call]:
    """Return the calls that may have been made in vain: under way when their worker was hit or the job cancelled."""
    cancelled = history.job.status is Status.CANCELLED
    given_up = monotonic(history.job.updated_at) - slowness * COMMIT_S if cancelled else _NEVER
    return [
        call
        for call in history.calls
        if (call.finished or _NEVER) >= given_up or any(_hits(at, call) for at in windows)
    ]


def budget(
    histories: Sequence[History], windows: Sequence[Window], slowness: float = 1.0
) -> Iterator[tuple[History, str]]:
    """Calls ≤ steps + failed attempts on record + calls under way when their worker was hit."""
    by_worker = defaultdict(list)
    for window in windows:
        by_worker[window.worker].append(window)
    for history in histories:
        extra = paid_in_vain(history)
        if extra <= 0:
            continue
        near = [window for name in {call.model for call in history.calls} for window in by_worker[name]]
        if extra > (lost := len(exposed(history, near, slowness))):
            yield history, f"{extra} calls too many, {lost} under way when their worker was hit"


def residue(client: redis.Redis) -> list[str]:
    """Name the keys that never expire, and what the queue still holds of jobs that have ended."""
    keys = list(client.scan_iter(count=1_000))
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.pttl(key)
        lives: list[int] = pipe.execute()
    forever = {key for key, life in zip(keys, lives, strict=True) if life == -1} - {ACCESS_KEYS.encode()}
    eternal = [f"no time to live: {key!r}" for key in forever]
    left = [f"left in the queue: {key!r}" for key in keys if _is_of_a_job(key.decode())]
    return eternal + left


def _is_of_a_job(key: str) -> bool:
    return key in _QUEUES or key.startswith(_ENDED_IN_QUEUE)


def _hits(window: Window, call: Call) -> bool:
    return window.covers(call.model, call.started, call.finished or _NEVER)


def _names(history: History) -> Iterator[str]:
    yield "outline"
    others = [step for step in history.job.steps if not step.is_extra and not step.name.startswith("section:")]
    yield from (f"section:{position}" for position in range(history.job.total - len(others)))
