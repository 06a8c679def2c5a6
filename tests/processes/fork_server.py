"""Fork server: a process that has imported Aether and its libraries once, and forks for each program it is asked for.

A worker takes 0.7 s of CPU for its imports and a tenth of that for its start; the tests start some 250 of them.
`python -m tests.processes.fork_server` reads requests from its stdin, a socket. Each request carries the files that
are the program's standard streams, and a socket that is told the process id and, once it has ended, the exit status.
When stdin ends, it kills what still runs and ends itself.
"""

import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec

PRELOADED = ("aether.cli.commands.main", "aether.cli.commands.serve", "aether.bootstrap.worker", "arq.cli")
NUMBER = struct.Struct("i")
MAX_REQUEST = 1 << 20
_STDIN = 0


class Request(msgspec.Struct, frozen=True):
    """A program to run: what stands behind `python` on a command line, and its environment."""

    arguments: tuple[str, ...]
    environment: dict[str, str]


class Server:
    """Forks on request and reports the ends; `serve` returns in the forks only."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._ends: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> Request | None:
        """Return, in each fork, what it has to run; in the server None once stdin has ended."""
        self._selector.register(self._requests, selectors.EVENT_READ, self._fork)
        while True:
            for key, _ in self._selector.select():
                handle: Callable[[], Request | None] = key.data
                if (request := handle()) is not None:
                    return request
            if not self._selector.get_map():
                return None

    def _fork(self) -> Request | None:
        message, files, _, _ = socket.recv_fds(self._requests, MAX_REQUEST, 4)
        if not message:
            self._selector.unregister(self._requests)
            for pid in self._ends:
                os.kill(pid, signal.SIGKILL)
            return None
        pid = os.fork()
        if pid == 0:
            self._leave(files)
            return msgspec.json.decode(message, type=Request)
        *streams, end = files
        for stream in streams:
            os.close(stream)
        self._watch(pid, socket.socket(fileno=end))
        return None

    def _watch(self, pid: int, end: socket.socket) -> None:
        handle = os.pidfd_open(pid)
        self._ends[pid] = handle, end
        self._selector.register(handle, selectors.EVENT_READ, partial(self._report_end, pid))
        _report(end, pid)

    def _report_end(self, pid: int) -> None:
        handle, end = self._ends.pop(pid)
        _, status = os.waitpid(pid, 0)
        self._selector.unregister(handle)
        os.close(handle)
        with end:
            _report(end, os.waitstatus_to_exitcode(status))

    def _leave(self, files: list[int]) -> None:
        """Let this fork have nothing of the server but its memory, and its own files instead."""
        self._requests.close()
        self._selector.close()
        for handle, end in self._ends.values():
            os.close(handle)
            end.close()
        for number, stream in enumerate(files[:3]):
            os.dup2(stream, number)
        for file in files:
            os.close(file)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _report(asker: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError):  # it may no longer want to know
        asker.send(NUMBER.pack(number))


def run(request: Request) -> None:
    """Run the program as `python` would; its exit is that of this process."""
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    program, *rest = request.arguments
    if program == "-m":
        module, *rest = rest
        sys.argv = [module, *rest]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [program, *rest]
        runpy.run_path(program, run_name="__main__")


def main() -> None:
    """Preload and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the tests; the server ends with them
    for name in PRELOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would not have the other threads"
    gc.collect()
    gc.freeze()  # so that no fork copies memory by looking for garbage in it
    request = Server(socket.socket(fileno=os.dup(_STDIN))).serve()
    if request is not None:
        run(request)


if __name__ == "__main__":
    main()
