"""Starting of Python programs: by the fork server under pytest, as any other process elsewhere."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol

import msgspec

from tests.processes.fork_server import MAX_REQUEST, NUMBER, Request
from tests.waiting import PATIENCE_S

File = IO[bytes] | IO[str] | int
ROOT = Path(__file__).parents[2]
_LOST = -9
"""The status of a program whose server has ended, and which therefore was killed."""


class Child(Protocol):
    """What the tests use of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


class Fork:
    """A program that the fork server runs."""

    def __init__(self, reports: socket.socket) -> None:
        self._reports = reports
        self._status: int | None = None
        self.pid = self._next_report(None)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        if self._status is None:
            self._status = self._next_report(timeout)
            self._reports.close()
        return self._status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _next_report(self, timeout: float | None) -> int:
        self._reports.settimeout(timeout)
        try:
            report = self._reports.recv(NUMBER.size)
        except (TimeoutError, BlockingIOError):
            raise subprocess.TimeoutExpired("a fork", timeout or 0) from None
        return int(NUMBER.unpack(report)[0]) if report else _LOST


class ForkServer:
    """Starts the server when it is first needed."""

    def __init__(self) -> None:
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, request: Request, streams: Sequence[int]) -> Fork:
        """Return as soon as the program has a process, with these files as its standard streams."""
        reports, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with told:
            message = msgspec.json.encode(request)
            assert len(message) < MAX_REQUEST
            socket.send_fds(self._connected(), [message], [*streams, told.fileno()])
        return Fork(reports)

    def close(self) -> None:
        """End it, and with it whatever it still runs."""
        if self._requests is not None and self._process is not None:
            self._requests.close()
            self._process.wait()
        self._requests = None

    def _connected(self) -> socket.socket:
        if self._requests is None:
            self._requests, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with requests:
                command = [sys.executable, "-m", "tests.processes.fork_server"]
                self._process = subprocess.Popen(command, cwd=ROOT, stdin=requests.fileno(), stdout=subprocess.DEVNULL)
        return self._requests


fork_server: ForkServer | None = None
"""Set by pytest's plugin; without it programs start as they do for users."""


def start(
    command: Sequence[str], environment: Mapping[str, str], stdout: File, stderr: File, stdin: File = subprocess.DEVNULL
) -> Child:
    """Run a command in the folder of the project."""
    program, *arguments = command
    if fork_server is None or program != sys.executable:
        return subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdin=stdin, stdout=stdout, stderr=stderr)
    with Path(os.devnull).open("rb") as nothing:
        streams = [nothing if stream == subprocess.DEVNULL else stream for stream in (stdin, stdout, stderr)]
        numbers = [stream if isinstance(stream, int) else stream.fileno() for stream in streams]
        return fork_server.fork(Request(tuple(arguments), dict(environment)), numbers)


def run(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `text` is what it reads."""
    with TemporaryFile("w+") as stdin, TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        stdin.write(text)
        stdin.seek(0)
        child = start(command, environment, stdout, stderr, stdin)
        try:
            status = child.wait(PATIENCE_S)
        finally:
            child.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, status, stdout.read(), stderr.read())
