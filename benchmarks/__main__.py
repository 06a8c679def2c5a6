"""Run benchmarks: `python -m benchmarks [NAME …] [--quick] [--write]`; without names all but prose, in ten minutes."""

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
import uvloop

from benchmarks import (
    ablation,
    api,
    costs,
    hub,
    idle,
    peers,
    pickup,
    prose,
    reports,
    scripts,
    streams,
    takeover,
    throughput,
)
from benchmarks.processes import ROOT
from benchmarks.stores import valkey_version
from benchmarks.tables import Table

BENCHMARKS: dict[str, Callable[..., Awaitable[Table]]] = {
    "pickup": pickup.measure,
    "idle": idle.measure,
    "throughput": throughput.measure,
    "takeover": takeover.measure,
    "reports": reports.measure,
    "hub": hub.measure,
    "streams": streams.measure,
    "api": api.measure,
    "peers": peers.measure,
    "costs": costs.measure,
    "scripts": scripts.measure,
    "ablation": ablation.measure,
}
ON_REQUEST: dict[str, Callable[..., Awaitable[Table]]] = {"prose": prose.measure}
"""What is no figure of the service's own speed, and is measured only by name."""
PAGE = ROOT / "docs" / "performance.md"
_OPENING = """# Performance

This page shows what the queue, the engine, a whole worker and the API cost, compared in the same run with arq's own
worker ("stock arq") and with Litestar and SAQ. Rounds alternate, and figures are medians. Compare the ratios rather
than figures from different machines.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    line = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    line.add_argument("names", nargs="*", metavar="NAME", help=f"from: {', '.join(BENCHMARKS | ON_REQUEST)}")
    line.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works, not how well")
    line.add_argument("--write", action="store_true", help=f"write the page {PAGE.relative_to(ROOT)}")
    return line


async def run(names: list[str], *, quick: bool, write: bool) -> None:
    """Measure, print, and write the page."""
    done: list[str] = []
    for name in names:
        since = time.monotonic()
        table = (await (BENCHMARKS | ON_REQUEST)[name](quick=quick)).markdown()
        print(table, flush=True)
        print(f"{name}: {time.monotonic() - since:.0f} s", file=sys.stderr)
        done.append(table)
    if write:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        PAGE.write_text("\n".join([_OPENING, _machine(command), *done]), encoding="utf-8")


def _machine(command: str) -> str:
    load = f"load average {os.getloadavg()[1]:.1f} over the last five minutes"
    facts = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores ({load})",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"Valkey {valkey_version()} with an append-only file, on a unix socket",
        f"`{command}`",
    ]
    return f"{'; '.join(facts)}.\n"


def main() -> None:
    """Run what the command line names."""
    line = parser()
    arguments = line.parse_args()
    if unknown := set(arguments.names) - {*BENCHMARKS, *ON_REQUEST}:
        line.error(f"unknown: {', '.join(sorted(unknown))}")
    # What the benchmarks' own process would log of the engine is no part of what they measure.
    structlog.configure(processors=[_dropped])
    uvloop.run(run(arguments.names or list(BENCHMARKS), quick=arguments.quick, write=arguments.write))


def _dropped(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


if __name__ == "__main__":
    main()
