"""A Valkey that can be killed, started again, and made to lose what it had not synced."""

import signal
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.service.stack import Valkey

Fsync = Literal["always", "everysec"]
_LOSS_S = 1.0
_STEP_S = 0.1


class Server:
    """The server of the tests of the service, with a choice of `appendfsync`.

    A SIGKILL alone loses nothing, since the kernel keeps what was written. So that a power cut can be played, the
    length of the file is noted all the time, and cut back to what it was a second ago.
    """

    def __init__(self, folder: Path, fsync: Fsync) -> None:
        self._folder = folder
        self._fsync = fsync
        self._valkey = Valkey(folder)
        self.url = self._valkey.url
        self.path = self.url.removeprefix("unix://")
        self.client = self._valkey.client
        self._lengths: deque[tuple[float, Path, int]] = deque(maxlen=100)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._note_lengths, name="aof-lengths", daemon=True)

    def start(self) -> None:
        """Start it on what its file holds; returns when it answers."""
        self._valkey.start()
        self.client.config_set("appendfsync", self._fsync)

    def kill(self) -> None:
        self._valkey.end(signal.SIGKILL)

    def lose_last_second(self) -> None:
        """Cut the file back to what a second before was surely synced; the server must be down."""
        limit = time.monotonic() - _LOSS_S
        known = [(path, length) for at, path, length in self._lengths if at <= limit]
        if known and known[-1][0] == self._newest():
            path, length = known[-1]
            with path.open("r+b") as file:
                file.truncate(length)
        self._lengths.clear()

    def _newest(self) -> Path | None:
        return max(self._folder.glob("appendonlydir/*.incr.aof"), default=None)

    def _note_lengths(self) -> None:
        while not self._ended.wait(_STEP_S):
            if (path := self._newest()) is not None:
                self._lengths.append((time.monotonic(), path, path.stat().st_size))

    def __enter__(self) -> Self:
        self.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self.kill()
        self.client.close()
