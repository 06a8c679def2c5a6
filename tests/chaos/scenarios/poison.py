"""Poison: a job that ends every worker it runs on, among other jobs."""

import time

from aether.domain.job import ENDED, Status
from tests.chaos.checks import residue
from tests.chaos.evidence import History, histories, read_jobs, wait_until_ended
from tests.chaos.fleet import POISONED_WORKER
from tests.chaos.poisoned_worker import MARKER
from tests.chaos.trial import Trial

_DEAD_LETTER_S = 60.0
_WORKERS_LOST = 3


def poison(trial: Trial) -> None:
    """It becomes a dead letter after three deaths at most, and every other job is completed."""
    with trial.fleet(trial.setup(section_ms=900, fault_rate=0), workers=trial.size.workers) as fleet:
        fleet.command = POISONED_WORKER
        for worker in list(fleet.workers):
            fleet.kill(worker)
        fleet.wait_until_ready()
        others = fleet.load.submit_many(trial.size.jobs // 2, 4)
        (deadly,) = fleet.load.submit_many(1, 4, MARKER)
        others += fleet.load.submit_many(trial.size.jobs - len(others), 4)
        began = time.monotonic()
        while (ended := read_jobs(fleet.client, [deadly])[0]) is None or ended.status not in ENDED:
            fleet.top_up()
            if time.monotonic() > began + 2 * _DEAD_LETTER_S:
                break
            time.sleep(0.05)
        trial.judge_times("dead letter after", [time.monotonic() - began], most_s=_DEAD_LETTER_S)
        stuck = wait_until_ended(fleet, [deadly, *others], _DEAD_LETTER_S)
        found = {history.job.id: history for history in histories(fleet, [deadly, *others])}
        trial.judge_none("jobs stuck", stuck)
        bad = [job_id for job_id in others if found[job_id].job.status is not Status.COMPLETED]
        trial.judge_none(f"other jobs of {len(others)} not completed", bad)
        problem = found[deadly].job.problem
        trial.judge("poison failed as", "poison", problem and problem.type, holds=_is_dead_letter(found[deadly]))
        trial.judge("workers lost", f"≤ {_WORKERS_LOST}", len(fleet.exits), holds=len(fleet.exits) <= _WORKERS_LOST)
        left = [line for line in residue(fleet.client) if "no time to live" in line]
        trial.judge_none("keys left over", left)
        for job_id in bad[:2]:
            trial.report += found[job_id].told()


def _is_dead_letter(history: History) -> bool:
    problem = history.job.problem
    return history.job.status is Status.FAILED and problem is not None and problem.type == "poison"
