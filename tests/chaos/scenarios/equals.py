"""The same job put in many times at once."""

from aether.domain.events import StatusChanged
from aether.domain.job import Status
from tests.chaos.trial import Trial

_TIMES = 100


def equals(trial: Trial) -> None:
    """100 equal submissions of each id at once are one job each: one run, one call for each step."""
    with trial.fleet(trial.setup(fault_rate=0), workers=trial.size.workers) as fleet:
        ids = [f"equal-{trial.seed}-{number}" for number in range(trial.size.jobs)]
        fleet.load.create_equals(ids, _TIMES)
        found = trial.settle(fleet)
        runs = [
            f"{history.job.id}: {history.events}, {len(history.calls)} calls"
            for history in found
            if history.events.count(StatusChanged(Status.PENDING)) != 1
            or history.events.count(StatusChanged(Status.PROCESSING)) != 1
            or len(history.calls) != len(history.job.steps)
        ]
        trial.judge_none(f"of {len(ids)} ids × {_TIMES}, not run exactly once", runs)
