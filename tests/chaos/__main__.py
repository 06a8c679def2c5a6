"""The long run: `python -m tests.chaos --seed 1 --minutes 20 --out chaos.txt`; exit status 1 if a bound is broken."""

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.rows import Outcome, table
from tests.chaos.running import long_size, run
from tests.chaos.scenarios import ALL


def main() -> int:
    """Run the scenarios one after the other."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = options.only or list(ALL)
    began, outcomes = time.monotonic(), list[Outcome]()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = options.folder or Path(temporary)
        for name in names:
            outcome = run(name, folder / name, options.seed, long_size(name, options.minutes, names))
            outcomes.append(outcome)
            _say(f"{time.monotonic() - began:6.0f} s  {name}: {'ok' if outcome.holds else 'BROKEN'}")
            _say("\n".join(outcome.report)) if outcome.report else None
    told = f"seed {options.seed}, {options.minutes:g} minutes\n\n{table(outcomes)}\n"
    if broken := [outcome.scenario for outcome in outcomes if not outcome.holds]:
        seed, minutes, only = options.seed, options.minutes, " ".join(broken)
        told += f"\nRepeat with: make chaos SEED={seed} MINUTES={minutes:g} ARGS='--only {only}'\n"
    _say(told)
    if options.out is not None:
        reports = "\n".join(line for outcome in outcomes for line in outcome.report)
        options.out.write_text(f"{told}\n{reports}\n", encoding="utf-8")
    return 0 if all(outcome.holds for outcome in outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    line = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    line.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="the same dice again")
    line.add_argument("--minutes", type=float, default=20.0, help="about how long faults are made in all")
    line.add_argument("--only", nargs="+", choices=ALL, help="only these scenarios")
    line.add_argument("--folder", type=Path, help="keep the logs of all processes here")
    line.add_argument("--out", type=Path, help="a file for seed, table and reports")
    return line


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
