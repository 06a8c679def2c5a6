"""What was done to the system, when."""

import threading
import time
from collections.abc import Iterable
from datetime import datetime

import msgspec

REDIS = "redis"
_ENDINGS = {"kill", "term", "exit"}


class Fault(msgspec.Struct, frozen=True):
    """One thing that was done.

    Attributes:
        kind: `kill`, `stop` or `term` of a worker, its `exit` that nobody asked for, `outage` of Redis, `power` (an
            outage that also loses what was not synced), or what was done to a worker's link.
        target: A worker's name, or `redis` for the server itself.
        at: When it began; like all times here `time.monotonic()`, which on Linux all processes share.
        until: When it was over.
        held: The ids of the jobs the worker held just before, None if that could not be read.
    """

    kind: str
    target: str
    at: float
    until: float
    held: frozenset[str] | None = None

    @property
    def seconds(self) -> float:
        return self.until - self.at


class Window(msgspec.Struct, frozen=True):
    """A time in which what this worker's calls brought may have been lost."""

    worker: str
    begin: float
    end: float

    def covers(self, worker: str, begin: float, end: float) -> bool:
        """Whether a call of the worker that took from `begin` to `end` may be among them."""
        return worker == self.worker and begin <= self.end and end >= self.begin


class Timeline:
    """All faults of one run; several threads may add to it."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def faults(self, *kinds: str, target: str | None = None) -> list[Fault]:
        """Return the faults of these kinds in the order in which they began; all kinds if none is named."""
        with self._lock:
            faults = sorted(self._faults, key=lambda fault: fault.at)
        return [fault for fault in faults if fault.kind in (kinds or (fault.kind,)) and target in (None, fault.target)]

    def told(self) -> list[str]:
        """Tell the faults as lines."""
        return [
            f"{fault.at - self.began:8.2f} s  {fault.kind:<10} {fault.target:<8} {fault.seconds:6.2f} s"
            + ("" if fault.held is None else f"  held {len(fault.held)}")
            for fault in self.faults()
        ]


COMMIT_S = 2.0
"""How long after the answer a step may take to be durable, in a worker with 200 jobs on a busy machine."""
_NOTICE_S = 1.5
"""How long a worker that was cut off or stopped goes on before it learns that it has lost a job."""
_RECOVERY_S = 5.0
"""How long after Redis came back a worker may take to write what it had kept."""


def monotonic(at: datetime) -> float:
    """Return a time of day as `time.monotonic()` would have told it."""
    return at.timestamp() - time.time() + time.monotonic()


def exposures(timeline: Timeline, workers: Iterable[str], slowness: float = 1.0) -> list[Window]:
    """Return the windows in which a call may have been made in vain."""
    windows = []
    everyone = list(workers)
    commit_s, notice_s, recovery_s = (slowness * seconds for seconds in (COMMIT_S, _NOTICE_S, _RECOVERY_S))
    for fault in timeline.faults():
        if fault.kind in _ENDINGS:
            windows.append(
                Window(fault.target, _safe_until(timeline, fault, commit_s, recovery_s), fault.until + commit_s)
            )
        elif fault.kind == "power":
            windows += [Window(name, fault.at - recovery_s, fault.until + recovery_s) for name in everyone]
        elif fault.target != REDIS:
            windows.append(Window(fault.target, fault.at - commit_s, fault.until + notice_s))
    return windows


def _safe_until(timeline: Timeline, fault: Fault, commit_s: float, recovery_s: float) -> float:
    """Before this moment everything the worker had was durable: it had a Redis to write to."""
    began = fault.at - commit_s
    for trouble in reversed(timeline.faults()):
        cut_off = trouble.target == REDIS or (trouble.target == fault.target and trouble.kind not in _ENDINGS)
        if cut_off and trouble.at < began <= trouble.until + recovery_s:
            began = trouble.at - commit_s
    return began
