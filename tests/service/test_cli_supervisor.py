"""Supervisor of child processes, which are real ones: a few lines of shell."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aether.adapters.local.child_process import ChildProcess
from aether.cli.local.supervisor import MISCONFIGURED, keep_running
from aether.errors import ConfigurationError
from tests.waiting import PATIENCE_S, eventually

PATIENT = "trap 'echo term >> ended; exit 0' TERM; echo up >> ready; while :; do sleep 0.02; done"
STUBBORN = "trap '' TERM; echo up >> ready; while :; do sleep 0.02; done"
NO_GRACE_ENDS_S = 10 * PATIENCE_S

SUPERVISING = """
import asyncio, sys
from pathlib import Path
from aether.adapters.local.child_process import ChildProcess
from aether.cli.local.signals import stop_on_signals
from aether.cli.local.supervisor import keep_running

async def main():
    async with stop_on_signals() as stop:
        await keep_running("worker", launch, 2, stop.requested)

async def launch():
    child = await ChildProcess.start(["/bin/sh", "-c", sys.argv[1]], log=Path("log"), grace_s=float(sys.argv[2]))
    with Path("pids").open("a") as pids:
        pids.write(f"{child.pid}\\n")
    return child

asyncio.run(main())
"""


class Launcher:
    """Starts each child with the next of the scripts, and from then on with the last."""

    def __init__(self, folder: Path, *scripts: str) -> None:
        self.started: list[ChildProcess] = []
        self._folder = folder
        self._scripts = list(scripts)

    async def __call__(self) -> ChildProcess:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        command = ["/bin/sh", "-c", f"cd {self._folder}; {script}"]
        child = await ChildProcess.start(command, log=self._folder / "log", grace_s=NO_GRACE_ENDS_S)
        self.started.append(child)
        return child


@asynccontextmanager
async def supervised(launcher: Launcher, count: int, stop: asyncio.Event) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(keep_running("worker", launcher, count, stop))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def are_ready(folder: Path, count: int) -> bool:
    """Whether that many children have set their traps."""
    return lines_of(folder / "ready") == ["up"] * count


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # An orphan's exit status may not be collected at once.
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


async def test_a_child_that_dies_is_restarted(tmp_path: Path) -> None:
    launcher, stop = Launcher(tmp_path, PATIENT), asyncio.Event()
    async with supervised(launcher, 2, stop) as task:
        await eventually(lambda: len(launcher.started) == 2)
        os.kill(launcher.started[0].pid, signal.SIGKILL)
        await eventually(lambda: len(launcher.started) == 3)
        assert launcher.started[1].returncode is None
        stop.set()
        await task
    assert all(has_ended(child.pid) for child in launcher.started)


async def test_all_children_are_stopped_at_the_same_time(tmp_path: Path) -> None:
    """None ends before all have been asked to."""
    last = "trap 'echo term >> asked; while [ ! -e go ]; do sleep 0.02; done; exit 0' TERM; "
    launcher, stop = Launcher(tmp_path, last + "echo up >> ready; while :; do sleep 0.02; done"), asyncio.Event()
    async with supervised(launcher, 3, stop) as task:
        await eventually(lambda: are_ready(tmp_path, 3))
        stop.set()
        await eventually(lambda: lines_of(tmp_path / "asked") == ["term"] * 3)
        (tmp_path / "go").touch()
        await task


async def test_cancelling_kills_children_that_ignore_sigterm(tmp_path: Path) -> None:
    launcher, stop = Launcher(tmp_path, STUBBORN), asyncio.Event()
    async with supervised(launcher, 2, stop) as task:
        await eventually(lambda: are_ready(tmp_path, 2))
        stop.set()
        await asyncio.sleep(0.1)
        task.cancel()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(asyncio.CancelledError):
                await task
    await eventually(lambda: all(has_ended(child.pid) for child in launcher.started))


async def test_a_misconfigured_child_stops_all_others(tmp_path: Path) -> None:
    launcher, stop = Launcher(tmp_path, PATIENT, f"exit {MISCONFIGURED}"), asyncio.Event()
    async with supervised(launcher, 2, stop) as task:
        with pytest.raises(ConfigurationError, match="A worker process cannot work as configured"):
            await task
    assert stop.is_set()
    assert all(has_ended(child.pid) for child in launcher.started)


@pytest.fixture
def process(tmp_path: Path, request: pytest.FixtureRequest) -> subprocess.Popen[bytes]:
    """A process that supervises two children; the test's parameter is their script and grace."""
    script, grace_s = request.param
    return subprocess.Popen([sys.executable, "-c", SUPERVISING, script, str(grace_s)], cwd=tmp_path)


async def pids_of(folder: Path) -> list[int]:
    pids = folder / "pids"
    await eventually(lambda: len(lines_of(pids)) == 2 and are_ready(folder, 2))
    return [int(pid) for pid in pids.read_text().split()]


@pytest.mark.parametrize("process", [(PATIENT, NO_GRACE_ENDS_S)], indirect=True)
async def test_a_signal_stops_the_children_gracefully(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pids = await pids_of(tmp_path)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    assert (tmp_path / "ended").read_text() == "term\n" * 2
    assert all(has_ended(pid) for pid in pids)


@pytest.mark.parametrize("process", [(STUBBORN, NO_GRACE_ENDS_S)], indirect=True)
async def test_a_second_signal_stops_them_at_once(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pids = await pids_of(tmp_path)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.4)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert all(has_ended(pid) for pid in pids)


@pytest.mark.parametrize("process", [(STUBBORN, 0.2)], indirect=True)
async def test_no_child_survives_when_the_supervisor_is_killed(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    pids = await pids_of(tmp_path)
    process.kill()
    process.wait(PATIENCE_S)
    await eventually(lambda: all(has_ended(pid) for pid in pids))
