"""Model process: a scripted model in a process of its own, and the client that controls it."""

import http.client
import os
import signal
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec

from tests.processes.starting import Child, start
from tests.scripted_model.calls import Call, Record
from tests.scripted_model.model import Model
from tests.scripted_model.script import Rule
from tests.scripted_model.service import NewScript, Stats
from tests.scripted_model.setup import Setup
from tests.waiting import PATIENCE_S

_STDERR = 2
_decode_calls = msgspec.json.Decoder(list[Call]).decode
_decode_stats = msgspec.json.Decoder(Stats).decode


class Ready(msgspec.Struct):
    """The line that the process prints when it listens."""

    base_url: str


class RemoteModel(Model):
    """Controls a scripted model in another process; calls that were finished when last read are not fetched again."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._finished: list[Call] = []

    @property
    def base_url(self) -> str:
        return self._base_url

    @property
    def record(self) -> Record:
        after = self._finished[-1].seq if self._finished else 0
        new = _decode_calls(self._ask("GET", f"/_calls?after={after}"))
        calls = self._finished + new
        first_open = next((at for at, call in enumerate(calls) if not call.done), len(calls))
        self._finished = calls[:first_open]
        return Record(calls)

    def use(self, rules: Sequence[Rule] | None = None, setup: Setup | None = None) -> None:
        new = NewScript(None if rules is None else list(rules), setup)
        self._ask("POST", "/_script", msgspec.json.encode(new))

    def reset(self) -> None:
        self._ask("POST", "/_reset", b"{}")
        self._finished = []

    def stats(self) -> Stats:
        """Return counts and the CPU seconds the process has used."""
        return _decode_stats(self._ask("GET", "/_stats"))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self._base_url).netloc, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read()
            if response.status != http.HTTPStatus.OK:
                raise RuntimeError(f"{method} {path}: {response.status} {answer.decode()}")
            return answer
        finally:
            connection.close()


class ModelProcess(RemoteModel):
    """Starts the process and stops it at the end of the block; rules are sent as JSON, so they have no predicates."""

    def __init__(self, setup: Setup | None = None, rules: Sequence[Rule] = (), *, port: int = 0) -> None:
        super().__init__("")
        self._new = NewScript(list(rules), setup)
        self._port = port
        self._process: Child | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def use(self, rules: Sequence[Rule] | None = None, setup: Setup | None = None) -> None:
        kept = self._new.rules if rules is None else list(rules)
        self._new = NewScript(kept, setup or self._new.setup)
        super().use(self._new.rules, self._new.setup)

    def start(self) -> None:
        """Start the process, and return when it accepts connections.

        A second start after `stop` keeps the port and the rules, not the record.

        Raises:
            RuntimeError: the process ended instead of listening.
        """
        command = [sys.executable, "-m", "tests.scripted_model", "--port", str(self._port)]
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as said:
            with os.fdopen(writing, "wb") as stdout:
                self._process = start(command, os.environ, stdout, _STDERR)
            line = said.readline()
        try:
            self._connect(line)
        except BaseException:
            self.stop()
            raise

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal and wait until the process has ended."""
        if self._process is None:
            return
        self._process.send_signal(sig)
        self._process.wait(PATIENCE_S)
        self._process = None

    def _connect(self, line: bytes) -> None:
        if not line:
            raise RuntimeError("The scripted model did not start.")
        self._base_url = msgspec.json.decode(line, type=Ready).base_url
        self._port = urlsplit(self._base_url).port or 0
        self._finished = []
        super().use(self._new.rules, self._new.setup)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
