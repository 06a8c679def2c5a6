"""What the operating system does to workers: killed, stopped and asked to end."""

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from tests.chaos.fleet import Fleet
from tests.chaos.measures import handovers
from tests.chaos.trial import Trial

SECTIONS = 8
_KILL_EVERY_S = 1.5
_LONG_STOP_S = 6.0


def kills(trial: Trial) -> None:
    """SIGKILL of any worker, again and again."""
    with trial.fleet(workers=trial.size.workers) as fleet:
        limit = _under_load(trial, fleet)
        while time.monotonic() < limit:
            fleet.kill(trial.choose(fleet))
            trial.pause(_KILL_EVERY_S)
        found = trial.settle(fleet)
        trial.judge("SIGKILLs", "–", len(fleet.timeline.faults("kill")), holds=None)
        trial.judge_takeovers(fleet, found, "kill")


def zombies(trial: Trial) -> None:
    """SIGSTOP for longer than a lease, and for less; the zombie wakes up with calls and results in its hands."""
    with trial.fleet(workers=trial.size.workers + 1) as fleet:
        limit = _under_load(trial, fleet)
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(_stop_and_go, trial, fleet, half, over) for half in range(2)]
            try:
                wait(halves, timeout=limit - time.monotonic(), return_when=FIRST_EXCEPTION)
            finally:
                over.set()
            for half in halves:
                half.result()
        found = trial.settle(fleet)
        trial.judge("SIGSTOPs", "–", len(fleet.timeline.faults("stop")), holds=None)
        trial.judge_takeovers(fleet, found, "stop", at_least_s=_LONG_STOP_S - 0.5)


def _stop_and_go(trial: Trial, fleet: Fleet, half: int, over: threading.Event) -> None:
    """Stop the workers of one half of the fleet, one at a time."""
    seconds = _LONG_STOP_S
    while not over.is_set():
        with fleet.stopped(trial.random.choice(fleet.workers[half::2])):
            time.sleep(seconds)
        over.wait(1.0)
        seconds = trial.random.uniform(2, 10)


def rolling(trial: Trial) -> None:
    """SIGTERM of the oldest worker while another takes its place, as in a deployment."""
    with trial.fleet(trial.setup(section_ms=800, fault_rate=0), workers=trial.size.workers) as fleet:
        limit = _under_load(trial, fleet)
        while time.monotonic() < limit:
            fleet.terminate(fleet.workers[0])
        found = trial.settle(fleet)
        trial.judge("SIGTERMs", "–", len(fleet.timeline.faults("term")), holds=None)
        tried = [f"{history.job.id}: {failed}" for history in found for failed in history.job.attempts]
        trial.judge_none("tries counted", tried)
        trial.judge_times("handover", handovers(fleet.timeline, found), most_s=0.1, share=0.99)


def _under_load(trial: Trial, fleet: Fleet) -> float:
    """Submit in the background and return when to stop making faults."""
    fleet.load.submit_many(min(10, trial.size.jobs), SECTIONS)
    fleet.load.submit_for(trial.size.seconds, trial.size.jobs / trial.size.seconds, SECTIONS)
    time.sleep(0.7)
    return time.monotonic() + trial.size.seconds - 0.7
