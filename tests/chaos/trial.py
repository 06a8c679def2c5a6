"""One run of one scenario: its fleet, its dice, its rows, and the checks that every scenario ends with."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import msgspec

from aether.domain.job import Status
from tests.chaos.checks import EVERY_JOB, budget, paid_in_vain, paid_steps, residue
from tests.chaos.evidence import History, histories, stored_ids, wait_until_ended
from tests.chaos.fleet import Fleet, Worker
from tests.chaos.measures import gaps, quantile, spread
from tests.chaos.rows import Outcome, Row
from tests.chaos.server import Fsync
from tests.chaos.timeline import exposures
from tests.chaos.watch import Watch
from tests.scripted_model import Setup
from tests.scripted_model.script import Mix
from tests.waiting import PATIENCE_S

FAULTS = ("429-after-ms", "500", "502", "reset", "reset-body", "invalid-json", "empty")
_SHOWN = 12


class Size(msgspec.Struct, frozen=True):
    """How much of it: seconds in which faults are made, jobs, and the factor by which times may exceed their bounds."""

    seconds: float
    jobs: int
    slack: float = 1.0
    workers: int = 3


class Trial:
    """What a scenario works with and writes its rows to."""

    def __init__(
        self, scenario: str, folder: Path, seed: int, size: Size, slowness: Callable[[], float] = lambda: 1.0
    ) -> None:
        self.scenario = scenario
        self.folder = folder
        self.seed = seed
        self.size = size
        self.slowness = slowness
        self.random = Random(f"{seed} {scenario}")  # noqa: S311 - the same dice again are the point
        self.rows: list[Row] = []
        self.report: list[str] = []
        self.watch: Watch
        self._timeline: list[str] = []

    @property
    def slack(self) -> float:
        """The factor by which times may exceed their bounds, on a machine that is as busy as this one."""
        return self.size.slack * self.slowness()

    @property
    def outcome(self) -> Outcome:
        head = (f"{self.scenario}, seed {self.seed}", *self._timeline)
        broken = any(row.holds is False for row in self.rows)
        return Outcome(self.scenario, tuple(self.rows), (*head, *self.report) if broken else ())

    def setup(self, *, outline_ms: float = 100, section_ms: float = 400, fault_rate: float = 0.05) -> Setup:
        """Return a model that fails now and then, each call at most a few times."""
        faults = Mix(fault_rate, FAULTS, self.seed, at_most=3)
        return Setup(words=30, outline_ms=outline_ms, section_ms=section_ms, jitter=0.3, faults=faults)

    @contextmanager
    def fleet(self, setup: Setup | None = None, *, workers: int = 3, fsync: Fsync = "always") -> Iterator[Fleet]:
        """Start a fleet that is watched."""
        fleet = Fleet(self.folder, setup or self.setup(), workers=workers, fsync=fsync)
        with ExitStack() as stack:
            stack.enter_context(fleet)
            accepted = fleet.load.accepted
            self.watch = stack.enter_context(Watch(fleet.server.url, lambda: tuple(accepted), self.seed))
            try:
                yield fleet
            finally:
                self._timeline = fleet.timeline.told()

    def choose(self, fleet: Fleet) -> Worker:
        """Return any of the workers that are up."""
        fleet.top_up()
        fleet.wait_until_ready()
        return self.random.choice(fleet.workers)

    def pause(self, mean_s: float) -> None:
        """Wait for about that long."""
        time.sleep(self.random.uniform(0.5, 1.5) * mean_s)

    def judge(self, name: str, bound: str, measured: object, *, holds: bool | None) -> None:
        """Add a row."""
        self.rows.append(Row(name, bound, str(measured), holds))

    def judge_none(self, name: str, wrong: Sequence[str]) -> None:
        """Add a row for what should not be there at all, and tell what is."""
        self.judge(name, "0", len(wrong), holds=not wrong)
        self.report += [f"{name}: {line}" for line in wrong[:_SHOWN]]

    def judge_times(self, name: str, values: Sequence[float], *, most_s: float, share: float = 1.0) -> None:
        """Add a row for times of which that share may not exceed the bound."""
        limit = most_s * self.slack
        kind = "max" if share >= 1 else f"p{100 * share:g}"
        holds = quantile(values, share) <= limit if values else None
        self.judge(name, f"{kind} ≤ {limit:.3g} s", spread(values), holds=holds)

    def judge_takeovers(self, fleet: Fleet, found: Sequence[History], kind: str, at_least_s: float = 0.0) -> None:
        """Add the rows for how soon other workers went on with the jobs of those that were hit for that long."""
        seen = [gap for gap in gaps(fleet.timeline, found, kind) if kind == "kill" or gap.fault.seconds >= at_least_s]
        values = [gap.seconds for gap in seen if not gap.is_quarantined]
        most_s, share = (1.0, 0.99) if kind == "kill" else (5.0, 1.0)  # only the death of a process closes connections
        self.judge_times(f"takeover after {kind}", values, most_s=most_s, share=share)
        if quarantined := [gap.seconds for gap in seen if gap.is_quarantined]:
            self.judge(f"takeover of quarantined jobs after {kind}", "–", spread(quarantined), holds=None)
        limit = most_s * self.slack
        self.report += [
            f"late takeover of {gap.job_id} after {kind} of {gap.fault.target}: {gap.seconds:.2f} s"
            for gap in seen
            if gap.seconds > limit and not gap.is_quarantined
        ][:_SHOWN]

    def settle(
        self, fleet: Fleet, within_s: float = PATIENCE_S, ends: Collection[Status] = (Status.COMPLETED,)
    ) -> list[History]:
        """Wait until every job has ended, check all that must hold of it, and return what is known of each."""
        stuck = wait_until_ended(fleet, stored_ids(fleet.client), within_s)
        found = histories(fleet, stored_ids(fleet.client))
        self.judge_none("jobs stuck", stuck)
        self._judge_ends(fleet, found, ends)
        self._judge_jobs(found)
        self._judge_calls(fleet, found)
        self.judge_none("workers that ended by themselves", fleet.exits)
        self.judge_none("keys left over", residue(fleet.client))
        self._tell([history for history in found if history.job.id in stuck])
        return found

    def _judge_ends(self, fleet: Fleet, found: Sequence[History], ends: Collection[Status]) -> None:
        statuses = {history.job.id: history.job.status for history in found}
        accepted = list(fleet.load.accepted)
        bad = [job_id for job_id in accepted if statuses.get(job_id) not in ends]
        wanted = "accepted jobs ended " + " or ".join(sorted(ends))
        self.judge(wanted, f"{len(accepted)} of {len(accepted)}", len(accepted) - len(bad), holds=not bad)
        self._tell([history for history in found if history.job.id in bad])
        self.report += [f"accepted, but not in the store: {job_id}" for job_id in bad if job_id not in statuses][
            :_SHOWN
        ]

    def _judge_jobs(self, found: Sequence[History]) -> None:
        for history in found:
            self.watch.compare(history.job)
        wrong = [(history, what) for history in found for check in EVERY_JOB for what in check(history)]
        self.judge_none("holes, repeats or stale writes in streams", [f"{h.job.id}: {what}" for h, what in wrong])
        self._tell([history for history, _ in wrong])
        self.judge_none(f"results replaced, progress fallen ({self.watch.looks} looks)", self.watch.wrong)

    def _judge_calls(self, fleet: Fleet, found: Sequence[History]) -> None:
        slowness = self.slowness()
        over = list(budget(found, exposures(fleet.timeline, fleet.names, slowness), slowness))
        extra = sum(max(0, paid_in_vain(history)) for history in found)
        told = f"{len(over)} jobs over; {extra} of {sum(len(history.calls) for history in found)} calls in vain"
        unseen = [history.job.id for history in found if not _is_paid_for(history)]
        self.judge_none("jobs completed without a call for each step", unseen)
        self.judge("calls ≤ steps + retries + in flight at faults", "0 jobs over", told, holds=not over)
        self.report += [f"calls of {history.job.id}: {what}" for history, what in over][:_SHOWN]
        self._tell([history for history, _ in over])

    def _tell(self, of: Sequence[History]) -> None:
        for history in of[:2]:
            self.report += history.told()


def _is_paid_for(history: History) -> bool:
    """Whether the model saw what the record says; else a check of its calls would find nothing wrong with anything."""
    return history.job.status is not Status.COMPLETED or len(history.calls) >= paid_steps(history)
