"""Process: a child of a test, with its log."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGTERM, Signals

from tests.processes.logs import add_log
from tests.processes.starting import start
from tests.waiting import PATIENCE_S


class Process:
    """A child whose output goes to a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._child = start(command, environment, output, output)
        self.pid = self._child.pid
        add_log(log, lambda: self.running)

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def signal(self, sig: Signals) -> None:
        """Send it, unless the process has ended."""
        self._child.send_signal(sig)

    def end(self, sig: Signals = SIGTERM) -> int:
        """Send the signal, wait for the end and return the exit status."""
        self.signal(sig)
        try:
            return self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise AssertionError(f"still running {PATIENCE_S} s after {sig.name}:\n{self.tail()}") from None

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3_000:]
