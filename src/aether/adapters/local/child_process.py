"""Child processes that never outlive the process that started them.

A child stands under a few lines of `sh` in a session of its own, whose standard input is a pipe. Only the parent holds
the other end, so the kernel closes it however the parent ends, SIGKILL included; macOS has no `PR_SET_PDEATHSIG`.
Ctrl-C in the terminal reaches the parent alone, which then ends its children in its own order.
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

# $1 is the grace in tenths of a second, the rest the command. Line by line, where it is not plain:
# - The child's own streams go to the log, so that standard output is free to tell its pid.
# - `read` ends at the end of file: the parent has let go or is dead.
# - `kill 0` means the whole group, so what the child started ends with it.
# - SIGTERM sent to the wrapper is passed on; `wait` returns early then, hence the loop.
# - The last `kill` ends the watcher and its `sleep`, which would keep inherited files open.
_WRAPPER = """
grace=$1; shift
exec 3<&0
"$@" </dev/null 3<&- >&2 & child=$!
trap 'kill -TERM $child' TERM
echo $child
exec >&2
(
    read -r _ <&3
    kill -TERM $child
    while [ "$grace" -gt 0 ]; do sleep 0.1; grace=$((grace - 1)); done
    kill -KILL 0
) 2>/dev/null &
while :; do
    wait $child; status=$?
    kill -0 $child 2>/dev/null || break
done
trap : TERM
kill -TERM 0
exit $status
"""

_OVERTIME_S = 2.0
_STEADY_AFTER_S = 10.0


class ChildProcess:
    """A running child; letting go of it, by `stop` or by dying, ends it."""

    def __init__(self, wrapper: asyncio.subprocess.Process, pid: int, leash: int, grace_s: float) -> None:
        self.pid = pid
        self._wrapper = wrapper
        self._leash: int | None = leash
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
        """Start `command`, its output appended to `log`, which only the owner may read, or on our standard error.

        Whoever lets go, the child gets SIGTERM and `grace_s` to finish, then SIGKILL, with everything it started.
        `pass_fds` must lie above 9: the shell uses the lower ones. A command that cannot be run is seen as a child that
        ended with 126 or 127.
        """
        # Both ends are closed on exec, so no other child of ours inherits the end that must close when we die.
        reading, leash = os.pipe()
        output = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            wrapper = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _WRAPPER, "leash", str(round(grace_s * 10)), *map(str, command)),
                stdin=reading,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=env,
                start_new_session=True,
                pass_fds=pass_fds,
            )
            return cls(wrapper, await _told_pid(wrapper), leash, grace_s)
        except BaseException:
            os.close(leash)
            raise
        finally:
            os.close(reading)
            if output is not None:
                os.close(output)

    @property
    def returncode(self) -> int | None:
        """The child's exit status, 128 + signal if one killed it; None while it runs."""
        return self._wrapper.returncode

    async def wait(self) -> int:
        """Return the exit status once the child is gone."""
        status = await self._wrapper.wait()
        if status < 0:
            # The wrapper itself was killed: nobody else is left to end the child.
            self.kill()
        self._let_go()
        return status

    async def stop(self) -> int:
        """End the child, politely first, and return its exit status."""
        self._let_go()
        with suppress(TimeoutError):
            # The wrapper enforces the grace; the longer wait is for one that was itself stopped (SIGSTOP).
            return await asyncio.wait_for(self.wait(), self._grace_s + _OVERTIME_S)
        self.kill()
        return await self.wait()

    async def when(self, ready: Awaitable[None]) -> Self:
        """Return once `ready` is; if that fails or is cancelled, end the child first."""
        try:
            await ready
        except BaseException:
            await self.stop()
            raise
        return self

    def _let_go(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

    def kill(self) -> None:
        """End the child at once, with everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._wrapper.pid, signal.SIGKILL)


def last_lines(log: Path, count: int = 8) -> str:
    """Quote the end of a child's log for an error message."""
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-count:]) or "(empty)"


async def _told_pid(wrapper: asyncio.subprocess.Process) -> int:
    if wrapper.stdout is None:
        raise RuntimeError("The wrapper was started without a pipe for its output.")
    return int(await wrapper.stdout.readline())


class Supervisor:
    """Keeps one child running for as long as the context lasts.

    `launch` starts the child and returns once it is ready for work. Its failure (ConfigurationError, OSError) is raised
    on entry; later it is logged and tried again, soon at first, then with growing pauses.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], Awaitable[ChildProcess]],
        *,
        first_pause_s: float = 0.1,
        longest_pause_s: float = 5.0,
    ) -> None:
        self._launch = launch
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._log = structlog.get_logger().bind(child=name)

    async def __aenter__(self) -> Self:
        self._process = await self._launch()
        self._log.info("child.started", pid=self._process.pid)
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeping
        await self._process.stop()

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        pause_s = self._first_pause_s
        while True:
            started_at = clock()
            status = await self._process.wait()
            self._log.error("child.died", pid=self._process.pid, status=status)
            if clock() - started_at > _STEADY_AFTER_S:
                pause_s = self._first_pause_s
            pause_s = await self._start_again(pause_s)

    async def _start_again(self, pause_s: float) -> float:
        """Try until the child is up again; return the pause to make should it die soon."""
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._longest_pause_s)
            try:
                self._process = await self._launch()
            except (ConfigurationError, OSError):
                self._log.exception("child.not_restarted")
            else:
                self._log.warning("child.restarted", pid=self._process.pid)
                return pause_s
