"""What a network does between a worker and Redis, or between a worker and the model."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from aether.domain.events import StatusChanged
from aether.domain.job import Status
from tests.chaos.evidence import History, wait_until_ended
from tests.chaos.fleet import Break, Fleet, Worker
from tests.chaos.timeline import Fault
from tests.chaos.trial import Trial
from tests.waiting import PATIENCE_S

_SHORT: tuple[Break, ...] = ("reset", "silent", "refused")
_LONG: tuple[Break, ...] = ("silent", "refused")
_ON_MODEL: tuple[Break, ...] = ("reset", "half-open", "silent", "refused", "delay")
_NO_TAKEOVER_S = 2.5
_LEASE_LEFT_S = 3.0
"""What at least is left of a lease when a worker is cut off."""
_RENEWAL_S = 0.4
"""What a worker needs to extend its leases once the cut has healed."""
_BACK_S = 5.0
_LONG_S = 6.0


def cuts(trial: Trial) -> None:
    """Workers without Redis: for up to 2.5 s each keeps its jobs, for longer others take them over."""
    back: list[float] = []
    with trial.fleet(trial.setup(section_ms=3_000, fault_rate=0), workers=4) as fleet, ThreadPoolExecutor(3) as pool:
        limit = time.monotonic() + trial.size.seconds
        while not back or time.monotonic() < limit:
            back += _round(trial, fleet, pool)
        found = trial.settle(fleet)
        faults = fleet.timeline.faults(*(f"redis {how}" for how in ("half-open", *_SHORT)))
        trial.judge("cuts", "–", len(faults), holds=None)
        short = [fault for fault in faults if fault.seconds < _LEASE_LEFT_S - _RENEWAL_S * trial.slowness()]
        trial.judge_none("takeovers in cuts ≤ 2.5 s", _taken_over(found, short))
        for how in sorted({fault.kind for fault in faults if fault.seconds >= _LONG_S}):
            trial.judge_takeovers(fleet, found, how, at_least_s=_LONG_S)
        trial.judge_times("worker back after healing", back, most_s=_BACK_S)


def model_cuts(trial: Trial) -> None:
    """One worker after the other without the model; every failed try is in the record."""
    with trial.fleet(trial.setup(section_ms=700), workers=trial.size.workers) as fleet:
        fleet.load.submit_for(trial.size.seconds, trial.size.jobs / trial.size.seconds, 4)
        limit = time.monotonic() + trial.size.seconds
        number = 0
        while time.monotonic() < limit:
            with fleet.broken(trial.choose(fleet), _ON_MODEL[number % len(_ON_MODEL)], "model"):
                time.sleep(trial.random.uniform(0.2, 2.0))
            number += 1
        trial.settle(fleet)
        trial.judge("cuts", "–", number, holds=None)


def _round(trial: Trial, fleet: Fleet, pool: ThreadPoolExecutor) -> list[float]:
    """Cut three workers of four off at once and return how long after healing each works on a new job."""
    fleet.load.submit_many(trial.size.jobs, 2)
    time.sleep(0.8)
    dice = trial.random
    victims = dice.sample(fleet.workers, 3)
    kinds: list[Break] = [dice.choice(_SHORT), "half-open", dice.choice(_LONG)]
    seconds = [dice.uniform(0.3, _NO_TAKEOVER_S), dice.uniform(0.3, _NO_TAKEOVER_S), _LONG_S]
    back = list(pool.map(lambda *cut: _cut(fleet, *cut), victims, kinds, seconds))
    wait_until_ended(fleet, list(fleet.load.accepted), PATIENCE_S)
    return back


def _cut(fleet: Fleet, victim: Worker, how: Break, seconds: float) -> float:
    with fleet.broken(victim, how):
        time.sleep(seconds)
    return _back(fleet, victim)


def _back(fleet: Fleet, victim: Worker) -> float:
    healed = time.monotonic()
    seen = len(fleet.model.calls())
    while time.monotonic() < healed + PATIENCE_S:
        fleet.load.submit(1, "probe")
        time.sleep(0.1)
        news = (call for call in fleet.model.calls()[seen:] if call.model == victim.name)
        if (call := next((call for call in news if call.topic.startswith("probe")), None)) is not None:
            return call.started - healed
    return PATIENCE_S


def _taken_over(found: Sequence[History], faults: Sequence[Fault]) -> list[str]:
    hit = {job_id: fault for fault in faults for job_id in fault.held or ()}
    return [
        f"{history.job.id} in {hit[history.job.id].kind} of {hit[history.job.id].seconds:.2f} s"
        for history in found
        if history.job.id in hit and history.events.count(StatusChanged(Status.PROCESSING)) > 1
    ]
