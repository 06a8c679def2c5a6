"""Child processes that never outlive the process that started them.

A child runs under a small `sh` script, the wrapper, in a session of its own. The wrapper's standard input is a pipe
whose other end only the parent holds. So the kernel closes the pipe however the parent ends, even by SIGKILL; macOS has
no `PR_SET_PDEATHSIG` for this. Ctrl-C in the terminal reaches only the parent, which then stops its children in its own
order.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from aether.errors import ConfigurationError

# $1 is the grace period in tenths of a second, the rest is the command.
# - The child's output goes to the log; the wrapper's standard output reports the child's pid.
# - The background shell runs before the child, since asyncio kills the wrapper, at any point of it, when a start is
#   cancelled. It reads the child's pid from the parent. Without one, there is nothing yet that could end in order.
# - `read` returns at the end of file: the parent has closed its end of the pipe, or is dead.
# - `kill 0` signals the whole process group, so that processes started by the child end too.
# - SIGTERM sent to the wrapper is passed on to the child. `wait` then returns early, hence the loop.
# - The last `kill` ends the background shell and its `sleep`, which would keep inherited files open.
_WRAPPER = """
grace=$1; shift
exec 3<&0
(
    read -r child <&3 || kill -KILL 0
    read -r _ <&3
    kill -TERM $child
    while [ "$grace" -gt 0 ]; do sleep 0.1; grace=$((grace - 1)); done
    kill -KILL 0
) >/dev/null 2>&1 &
"$@" </dev/null 3<&- >&2 & child=$!
trap 'kill -TERM $child' TERM
echo $child
exec >&2
while :; do
    wait $child; status=$?
    kill -0 $child 2>/dev/null || break
done
trap : TERM
kill -TERM 0
exit $status
"""
# "leash" is $0, which the shell's own error messages begin with.
_WRAPPER_COMMAND = ("/bin/sh", "-c", _WRAPPER, "leash")

_WRAPPER_TIMEOUT_S = 2.0
_STABLE_AFTER_S = 10.0


class ChildProcess:
    """A running child process; it ends when `stop` is called, or when this process ends."""

    def __init__(self, wrapper: asyncio.subprocess.Process, pid: int, parent_end: int, grace_s: float) -> None:
        self.pid = pid
        self._wrapper = wrapper
        self._parent_end: int | None = parent_end
        self._grace_s = grace_s

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        *,
        log: Path | None,
        env: Mapping[str, str] | None = None,
        grace_s: float = 5.0,
        pass_fds: Sequence[int] = (),
    ) -> Self:
        """Start `command`; its output is appended to `log`, readable by the owner only, or goes to standard error.

        At the end the child gets SIGTERM and `grace_s` seconds to exit, then SIGKILL, with all processes it started.
        `pass_fds` must be above 9, since the shell uses lower ones. A command that cannot be run is a child that exits
        with status 126 or 127.
        """
        # Both ends are closed on exec, so that no other child inherits the parent's end.
        child_end, parent_end = os.pipe()
        pid_pipe, wrapper_end = os.pipe()
        output = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            try:
                wrapper = await asyncio.create_subprocess_exec(
                    *(*_WRAPPER_COMMAND, str(round(grace_s * 10)), *map(str, command)),
                    stdin=child_end,
                    stdout=wrapper_end,
                    stderr=output,
                    env=env,
                    start_new_session=True,
                    pass_fds=pass_fds,
                )
            finally:
                _close(child_end, wrapper_end, output)
            return cls(wrapper, await _exchange_pid(pid_pipe, parent_end), parent_end, grace_s)
        except BaseException:
            os.close(parent_end)
            raise
        finally:
            os.close(pid_pipe)

    @property
    def returncode(self) -> int | None:
        """The child's exit status, 128 + signal if one killed it; None while it runs."""
        return self._wrapper.returncode

    async def wait(self) -> int:
        """Wait until the child has exited, and return its status."""
        status = await self._wrapper.wait()
        if status < 0:
            # The wrapper itself was killed, so it cannot end the child.
            self.kill()
        self._close_pipe()
        return status

    async def stop(self) -> int:
        """Stop the child, with SIGTERM first, and return its exit status."""
        self._close_pipe()
        with suppress(TimeoutError):
            # The wrapper enforces the grace period, unless it was itself stopped (SIGSTOP).
            return await asyncio.wait_for(self.wait(), self._grace_s + _WRAPPER_TIMEOUT_S)
        self.kill()
        return await self.wait()

    async def once_ready(self, ready: Awaitable[None]) -> Self:
        """Wait for `ready`; if it fails or is cancelled, stop the child and raise that error."""
        try:
            await ready
        except BaseException:
            await self.stop()
            raise
        return self

    def _close_pipe(self) -> None:
        if self._parent_end is not None:
            os.close(self._parent_end)
            self._parent_end = None

    def kill(self) -> None:
        """Kill the child, with all processes it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._wrapper.pid, signal.SIGKILL)


def last_lines(log: Path, count: int = 8) -> str:
    """Return the last lines of a child's log, for an error message."""
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-count:]) or "(empty)"


async def _exchange_pid(pid_pipe: int, parent_end: int) -> int:
    """Return the pid that the wrapper has reported, and pass it on to the background shell."""
    # Not by asyncio's own pipe: that one stays open until the wrapper has ended, perhaps longer than the loop.
    pid = await asyncio.to_thread(os.read, pid_pipe, 32)
    with suppress(BrokenPipeError):  # the child has ended already
        os.write(parent_end, pid)
    return int(pid)


def _close(*files: int | None) -> None:
    for file in files:
        if file is not None:
            os.close(file)


class ChildSupervisor:
    """Keeps one child running while its `async with` block lasts.

    `launch` starts the child and returns when it is ready. Its errors (ConfigurationError, OSError) are raised on
    entry. Later they are logged, and the child is started again, with pauses that grow from attempt to attempt.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], Awaitable[ChildProcess]],
        *,
        first_pause_s: float = 0.1,
        max_pause_s: float = 5.0,
    ) -> None:
        self._launch = launch
        self._first_pause_s = first_pause_s
        self._max_pause_s = max_pause_s
        self._log = structlog.get_logger().bind(child=name)

    async def __aenter__(self) -> Self:
        self._process = await self._launch()
        self._log.info("child.started", pid=self._process.pid)
        self._task = asyncio.create_task(self._restart_on_exit())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._process.stop()

    async def _restart_on_exit(self) -> None:
        clock = asyncio.get_running_loop().time
        pause_s = self._first_pause_s
        while True:
            started_at = clock()
            status = await self._process.wait()
            self._log.error("child.died", pid=self._process.pid, status=status)
            if clock() - started_at > _STABLE_AFTER_S:
                pause_s = self._first_pause_s
            pause_s = await self._restart(pause_s)

    async def _restart(self, pause_s: float) -> float:
        """Restart the child, however many attempts it takes; return the pause before the next restart."""
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._max_pause_s)
            try:
                self._process = await self._launch()
            except (ConfigurationError, OSError):
                self._log.exception("child.not_restarted")
            else:
                self._log.warning("child.restarted", pid=self._process.pid)
                return pause_s
