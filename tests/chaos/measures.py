"""How long a job was without a worker."""

import math
from collections.abc import Sequence

import msgspec

from tests.chaos.evidence import History, topic_of
from tests.chaos.timeline import Fault, Timeline
from tests.scripted_model import Call

_AT_ONCE_S = 0.5
"""How soon a server hears that the process behind a connection has died, on a busy machine."""


class Gap(msgspec.Struct, frozen=True):
    """A job's time between a fault and the next call that another worker makes for it.

    The job `is_quarantined` if its previous worker was killed too, with no call answered in between: then it waits, and
    runs alone.
    """

    fault: Fault
    job_id: str
    seconds: float
    is_quarantined: bool = False


def gaps(timeline: Timeline, histories: Sequence[History], *kinds: str) -> list[Gap]:
    """Return the gaps of all jobs that had a call under way at the worker that was hit.

    A job that another worker was given, and lost by a fault of its own before it made a call, counts from that one.
    """
    by_id = {history.job.id: history for history in histories}
    found = []
    for fault in timeline.faults(*kinds):
        for job_id in fault.held or ():
            if (history := by_id.get(job_id)) is None or not _under_way(history, fault):
                continue
            following = _next_by_another(history.calls, fault)
            if following is not None and not _hit_again(timeline, fault, job_id, following):
                is_quarantined = _was_killed_before(timeline, history, fault)
                found.append(Gap(fault, job_id, following - fault.at, is_quarantined))
    return found


def handovers(timeline: Timeline, histories: Sequence[History]) -> list[float]:
    """Return the times from the end of a call at a worker that was asked to end to the same job's next call."""
    by_topic = {topic_of(history.job): history for history in histories}
    found = []
    for fault in timeline.faults("term"):
        for history in by_topic.values():
            left = [call.finished for call in history.calls if _was_given_up(call, fault) and call.finished]
            if left and (following := _next_by_another(history.calls, fault)) is not None:
                found.append(max(0.0, following - max(left)))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed; 0 if there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else 0.0


def spread(values: Sequence[float]) -> str:
    """Tell how values are distributed."""
    if not values:
        return "none"
    p50, p99 = quantile(values, 0.5), quantile(values, 0.99)
    return f"p50 {p50:.3f} p99 {p99:.3f} max {max(values):.3f} s (n={len(values)})"


def _under_way(history: History, fault: Fault) -> bool:
    return any(
        call.model == fault.target
        and call.started < fault.at
        and (call.finished or math.inf) > fault.at
        and (call.outcome in {"disconnected", "pending"} or fault.kind != "kill")
        for call in history.calls
    )


def _was_given_up(call: Call, fault: Fault) -> bool:
    return (
        call.model == fault.target
        and call.outcome == "disconnected"
        and fault.at <= (call.finished or 0) <= fault.until + _AT_ONCE_S
    )


def _next_by_another(calls: Sequence[Call], fault: Fault) -> float | None:
    return min((call.started for call in calls if call.started > fault.at and call.model != fault.target), default=None)


def _was_killed_before(timeline: Timeline, history: History, fault: Fault) -> bool:
    earlier = [other for other in timeline.faults("kill", "exit") if other.at < fault.at]
    answers = [call.finished for call in history.calls if call.outcome == "answered" and call.finished]
    return any(
        (other.held is None or history.job.id in other.held) and not any(other.at < at < fault.at for at in answers)
        for other in earlier
    )


def _hit_again(timeline: Timeline, fault: Fault, job_id: str, before: float) -> bool:
    later = (other for other in timeline.faults() if fault.at < other.at < before and other is not fault)
    return any(other.held is None or job_id in other.held for other in later)
