"""Redis killed and started again on its file, with a load that goes on."""

import time
from contextlib import ExitStack

from aether.domain.job import ENDED, Status
from tests.chaos.checks import one_result_each, residue
from tests.chaos.evidence import calls_by_topic, histories, stored_ids, wait_until_ended
from tests.chaos.fleet import Fleet
from tests.chaos.server import Fsync
from tests.chaos.trial import Trial
from tests.waiting import PATIENCE_S

_SECTIONS = 8
_PROBE_S = 2.0


def outages_always(trial: Trial) -> None:
    """Outages of 0.05 to 10 s, every acknowledged write on disk."""
    _outages(trial, "always")


def outages_everysec(trial: Trial) -> None:
    """The same with a file that is synced once a second."""
    _outages(trial, "everysec")


def power_cuts(trial: Trial) -> None:
    """Outages in which Redis forgets the last second of what it had acknowledged."""
    with trial.fleet(workers=trial.size.workers, fsync="everysec") as fleet:
        fleet.load.submit_for(trial.size.seconds, trial.size.jobs / trial.size.seconds, _SECTIONS)
        limit = time.monotonic() + trial.size.seconds
        while time.monotonic() < limit - 1:
            trial.pause(2.0)
            fleet.outage(trial.random.uniform(0.05, 0.5), power=True)
        stuck = wait_until_ended(fleet, stored_ids(fleet.client), PATIENCE_S)
        trial.judge("power cuts", "–", len(fleet.timeline.faults("power")), holds=None)
        trial.judge_none("jobs stuck", stuck)
        found = histories(fleet, stored_ids(fleet.client))
        broken = [(history, what) for history in found for what in one_result_each(history)]
        trial.judge_none("jobs completed with a step missing", [f"{h.job.id}: {what}" for h, what in broken])
        odd = [history for history in found if history.job.status in ENDED - {Status.COMPLETED}]
        trial.judge_none("jobs that ended otherwise than completed", [history.job.id for history in odd])
        trial.judge_none("workers that ended by themselves", fleet.exits)
        trial.judge_none("keys left over", residue(fleet.client))
        for history in [h for h in found if h.job.id in stuck][:2] + [h for h, _ in broken][:2] + odd[:2]:
            trial.report += history.told()


def _outages(trial: Trial, fsync: Fsync) -> None:
    with trial.fleet(trial.setup(section_ms=1_500, fault_rate=0.01), workers=trial.size.workers, fsync=fsync) as fleet:
        fleet.load.submit_many(trial.size.jobs, _SECTIONS)
        answers = []
        limit = time.monotonic() + trial.size.seconds
        while time.monotonic() < limit:
            trial.pause(0.7)
            down_s = 0.05 * 200 ** (trial.random.random() ** 1.5)
            fleet.outage(min(down_s, max(0.3, trial.size.seconds / 6)))
            answers.append(_probe(fleet))
        trial.settle(fleet)
        trial.judge("outages", "–", len(fleet.timeline.faults("outage")), holds=None)
        trial.judge_times("probe after Redis is up", answers, most_s=_PROBE_S)
        trial.judge_times("probe of each worker alone", _one_by_one(fleet), most_s=_PROBE_S)


def _probe(fleet: Fleet) -> float:
    """Return how long a new job waits for its first call."""
    asked = time.monotonic()
    topic = fleet.load.accepted[fleet.load.submit_many(1, 1, "probe")[0]]
    while time.monotonic() < asked + PATIENCE_S:
        fleet.check_exits()
        if calls := calls_by_topic(fleet.model.calls()).get(topic):
            return calls[0].started - asked
        time.sleep(0.02)
    return PATIENCE_S


def _one_by_one(fleet: Fleet) -> list[float]:
    answers = []
    for awake in list(fleet.workers):
        with ExitStack() as asleep:
            for worker in fleet.workers:
                if worker is not awake:
                    asleep.enter_context(fleet.stopped(worker))
            answers.append(_probe(fleet))
            wait_until_ended(fleet, list(fleet.load.accepted)[-1:], 5)
    return answers
