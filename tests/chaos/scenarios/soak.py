"""Everything at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import redis

from aether.domain.job import ENDED
from tests.chaos.evidence import read_jobs
from tests.chaos.fleet import Break, Fleet
from tests.chaos.trial import Trial
from tests.waiting import PATIENCE_S

_SECTIONS = 8
_KILL_EVERY_S = 2.0
_CUTS: tuple[Break, ...] = ("reset", "half-open", "silent", "refused", "delay")
_MISCHIEF = ("stop", "stop", "term", "outage", "cut", "cut")


def soak(trial: Trial) -> None:
    """A worker killed every 2 s while others are stopped, asked to end and cut off, and Redis comes and goes."""
    with trial.fleet(workers=trial.size.workers + 1) as fleet:
        fleet.load.submit_many(trial.size.jobs, _SECTIONS)
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            mischief = pool.submit(_mischief, trial, fleet, over)
            try:
                _kill_until_done(trial, fleet)
            finally:
                over.set()
            mischief.result()
        trial.judge("faults", "–", len(fleet.timeline.faults()), holds=None)
        trial.settle(fleet, max(PATIENCE_S, trial.size.seconds))


def _kill_until_done(trial: Trial, fleet: Fleet) -> None:
    limit = time.monotonic() + trial.size.seconds
    while time.monotonic() < limit and _any_open(fleet):
        time.sleep(_KILL_EVERY_S)
        fleet.top_up()
        fleet.kill(trial.random.choice(fleet.workers))


def _any_open(fleet: Fleet) -> bool:
    try:
        jobs = read_jobs(fleet.client, list(fleet.load.accepted))
    except (redis.RedisError, OSError):
        return True
    return any(job is None or job.status not in ENDED for job in jobs)


def _mischief(trial: Trial, fleet: Fleet, over: threading.Event) -> None:
    dice = Random(f"{trial.seed} mischief")  # noqa: S311 - the same dice again are the point
    while not over.wait(dice.uniform(0.2, 1.0)):
        worker = dice.choice(fleet.workers)
        match dice.choice(_MISCHIEF):
            case "stop":
                with fleet.stopped(worker):
                    over.wait(dice.uniform(2, 8))
            case "term":
                fleet.ask_to_end(worker)
            case "outage":
                fleet.outage(dice.uniform(0.05, 3))
            case "cut":
                with fleet.broken(worker, dice.choice(_CUTS), dice.choice(("redis", "model"))):
                    over.wait(dice.uniform(0.3, 6))
