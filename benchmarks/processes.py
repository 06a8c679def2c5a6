"""Child processes whose use of the machine is read from /proc; Linux only."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_TERM_S = 10.0


class Child:
    """A running child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._proc = Path(f"/proc/{process.pid}")

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it prints."""
        if self._process.stdout is None:
            raise RuntimeError
        return self._process.stdout

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self._process.returncode is not None

    def cpu_s(self) -> float:
        """CPU time of all its threads until now, to the nanosecond."""
        used = [path.read_text().split()[0] for path in self._proc.glob("task/*/schedstat")]
        return sum(map(int, used)) / 1e9

    def rss_mb(self, *, peak: bool = False) -> float:
        """Memory it holds now, or the most it has held, in MiB."""
        wanted = "VmHWM:" if peak else "VmRSS:"
        lines = (self._proc / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(wanted)) / 1024

    async def kill(self) -> None:
        """End it as a crash would."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _TERM_S)
        except TimeoutError:
            await self.kill()


async def start(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, python: str = sys.executable
) -> Child:
    """Start a Python module; its standard output is a pipe, and its log goes nowhere."""
    log: Any = None if os.environ.get("BENCHMARKS_SHOW_LOGS") else asyncio.subprocess.DEVNULL
    command: Sequence[str] = (python, "-m", module, *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=asyncio.subprocess.PIPE, stderr=log
    )
    return Child(process)


@asynccontextmanager
async def running(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, python: str = sys.executable
) -> AsyncIterator[Child]:
    """Run a Python module for as long as the block."""
    child = await start(module, *arguments, env=env, python=python)
    try:
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def serving(
    module: str, *arguments: str, env: Mapping[str, str] | None = None, python: str = sys.executable
) -> AsyncIterator[tuple[Child, int]]:
    """Run a Python module that takes `--port`, for as long as the block; it accepts connections when this yields."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    async with running(module, *arguments, "--port", str(port), env=env, python=python) as child:
        while not await _accepts(port):
            if child.has_ended:
                raise ChildProcessError(f"{module} did not start; BENCHMARKS_SHOW_LOGS=1 shows why.")
            await asyncio.sleep(0.05)
        yield child, port


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
