import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from aether.adapters.local.child_process import ChildProcess, ChildSupervisor, last_lines
from aether.errors import ConfigurationError
from tests.waiting import eventually

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
IGNORES_SIGTERM = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('started', flush=True); time.sleep(60)",
)
# A parent that starts a child, prints its pid, and starts a second child, which must not inherit the first one's pipe.
PARENT = """
import asyncio, sys
from pathlib import Path
from aether.adapters.local.child_process import ChildProcess

async def main():
    sleep = (sys.executable, "-c", "import time; time.sleep(60)")
    child = await ChildProcess.start(sleep, log=Path(sys.argv[1]))
    other = await asyncio.create_subprocess_exec("sleep", "5")
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    state = subprocess.run(("ps", "-o", "stat=", "-p", str(pid)), capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def commands_of_all_processes() -> str:
    return subprocess.run(("ps", "-A", "-ww", "-o", "args="), capture_output=True, text=True, check=True).stdout


async def wait_for_end(pid: int) -> None:
    await eventually(lambda: not is_running(pid))


def first_line(log: Path) -> str:
    return log.read_text().partition("\n")[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def parent(log: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run PARENT and yield it with its child's pid."""
    command = (sys.executable, "-c", PARENT, str(log))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


@asynccontextmanager
async def running_child(log: Path, *command: str, grace_s: float = 5.0) -> AsyncIterator[ChildProcess]:
    process = await ChildProcess.start(command, log=log, grace_s=grace_s)
    try:
        yield process
    finally:
        await process.stop()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_child_ends_with_its_parent(log: Path, how: signal.Signals) -> None:
    """However the parent ends, the kernel closes its end of the pipe."""
    with parent(log) as (process, child):
        assert is_running(child)

        process.send_signal(how)
        process.wait()

        await wait_for_end(child)


async def test_stop_sends_sigterm_first(log: Path) -> None:
    """A child can save its work."""
    async with running_child(log, *SLEEP) as process:
        assert process.returncode is None

        assert await process.stop() == 128 + signal.SIGTERM
        assert not is_running(process.pid)


async def test_stop_kills_a_child_that_ignores_sigterm(log: Path) -> None:
    async with running_child(log, *IGNORES_SIGTERM, grace_s=0.2) as process:
        await eventually(lambda: first_line(log) == "started")
        await process.stop()

        assert not is_running(process.pid)


async def test_stop_kills_a_stopped_process_group(log: Path) -> None:
    """A wrapper that is itself stopped cannot enforce the grace period; the parent does."""
    async with running_child(log, *SLEEP, grace_s=0.1) as process:
        os.killpg(os.getpgid(process.pid), signal.SIGSTOP)
        await process.stop()

        await wait_for_end(process.pid)


async def test_exit_status_is_passed_on(log: Path) -> None:
    async with running_child(log, "/bin/sh", "-c", "echo bye; exit 7") as process:
        assert await process.wait() == 7
        assert process.returncode == 7
        assert last_lines(log) == "bye"


async def test_command_that_cannot_be_run(log: Path) -> None:
    async with running_child(log, "/no/such/command") as process:
        assert await process.wait() == 127
        assert "/no/such/command" in last_lines(log)


async def test_wrapper_passes_sigterm_on(log: Path) -> None:
    """The exit status is still the child's."""
    async with running_child(log, *SLEEP) as process:
        os.kill(os.getpgid(process.pid), signal.SIGTERM)

        assert await process.wait() == 128 + signal.SIGTERM
        assert not is_running(process.pid)


async def test_a_killed_wrapper_ends_the_child(log: Path) -> None:
    async with running_child(log, *SLEEP) as process:
        os.kill(os.getpgid(process.pid), signal.SIGKILL)

        assert await process.wait() == -signal.SIGKILL
        await wait_for_end(process.pid)


async def test_processes_started_by_the_child_end_too(log: Path) -> None:
    async with running_child(log, "/bin/sh", "-c", "sleep 60 & echo $!; wait") as process:
        await eventually(lambda: bool(first_line(log)))
        await process.stop()

        await wait_for_end(int(first_line(log)))


async def test_environment_is_the_one_given(log: Path) -> None:
    process = await ChildProcess.start(("/bin/sh", "-c", "echo $COLOUR"), log=log, env={"COLOUR": "blue"})
    await process.wait()

    assert last_lines(log) == "blue"


async def test_log_is_private_and_kept(log: Path) -> None:
    for word in ("one", "two"):
        async with running_child(log, "/bin/echo", word) as process:
            await process.wait()

    assert last_lines(log) == "one\ntwo"
    assert mode(log) == 0o600


async def test_a_child_that_fails_to_get_ready_is_stopped(log: Path) -> None:
    async def fail() -> None:
        raise ConfigurationError("no")

    process = await ChildProcess.start(SLEEP, log=log)
    with pytest.raises(ConfigurationError):
        await process.once_ready(fail())

    assert not is_running(process.pid)


def launch_script(log: Path, *failures: Exception | None) -> Callable[[], Awaitable[ChildProcess]]:
    """Return a launch function that raises these errors at its first calls, and works later."""
    script = iter(failures)

    async def launch() -> ChildProcess:
        if failure := next(script, None):
            raise failure
        return await ChildProcess.start(SLEEP, log=log)

    return launch


async def test_supervisor_restarts_the_child(log: Path) -> None:
    """A failed restart is retried, and each pid is logged."""
    with capture_logs() as events:
        async with ChildSupervisor("sleep", launch_script(log, None, ConfigurationError("busy")), first_pause_s=0.01):
            os.kill(events[0]["pid"], signal.SIGKILL)
            await eventually(lambda: events[-1]["event"] == "child.restarted")
            assert is_running(events[-1]["pid"])

    assert [e["event"] for e in events] == ["child.started", "child.died", "child.not_restarted", "child.restarted"]
    assert not is_running(events[-1]["pid"])


async def test_supervisor_raises_a_failed_first_start(log: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such model"):
        async with ChildSupervisor("sleep", launch_script(log, ConfigurationError("no such model"))):
            pass


async def test_a_start_that_is_cancelled_at_any_point_leaves_no_process(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)", str(tmp_path))
    clock = asyncio.get_running_loop().time
    begun = clock()
    child = await ChildProcess.start(command, log=tmp_path / "log")
    start_s = clock() - begun
    await child.stop()

    cancelled = 0
    for attempt in range(200):
        starting = asyncio.create_task(ChildProcess.start(command, log=tmp_path / "log"))
        await asyncio.sleep(start_s * 1.5 * attempt / 200)
        starting.cancel()
        try:
            child = await starting
        except asyncio.CancelledError:
            cancelled += 1
        else:
            child.kill()
            await child.wait()

    assert cancelled
    await eventually(lambda: str(tmp_path) not in commands_of_all_processes())
