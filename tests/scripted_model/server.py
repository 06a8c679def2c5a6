"""Model server: a scripted model in a thread of the test's own process."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import uvloop

from tests.scripted_model.calls import Record
from tests.scripted_model.model import Condition, Model, timeout_error
from tests.scripted_model.script import Predicate, Rule, Script
from tests.scripted_model.service import ModelService
from tests.scripted_model.setup import Setup
from tests.scripted_model.wire import Connection
from tests.waiting import PATIENCE_S

HOST = "127.0.0.1"


class ScriptedModel(Model):
    """A server with an event loop in a thread of its own, so that a blocked test cannot slow it down.

    It can be stopped and started again, like a model that is unavailable for a while; port, rules and record stay.
    """

    def __init__(self, setup: Setup | None = None, rules: Sequence[Rule] = (), *, port: int = 0) -> None:
        self._service = ModelService(setup or Setup(), rules)
        self._port = port
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._port}/v1"

    @property
    def record(self) -> Record:
        return self._service.record

    def add(self, rule: Rule, when: Predicate | None = None) -> None:
        """Append a rule; `when` is called in the server's thread with each call that matches the rule."""
        self._service.script.add(rule, when)

    def use(self, rules: Sequence[Rule] | None = None, setup: Setup | None = None) -> None:
        if rules is not None:
            self._service.script = Script(rules)
        self._service.setup = setup or self._service.setup

    def reset(self) -> None:
        self.record.clear()

    async def wait_for(self, condition: Condition, timeout_s: float = PATIENCE_S) -> None:
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        forget = self.record.listen(lambda: loop.call_soon_threadsafe(changed.set))
        try:
            async with asyncio.timeout(timeout_s):
                while not condition(self.record):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise timeout_error(self.record, timeout_s) from None
        finally:
            forget()

    def start(self) -> None:
        """Start the thread, and return when it accepts connections.

        Raises:
            OSError: the port is in use.
        """
        ready = threading.Event()
        self._failure = None
        self._service.stopping = False
        self._thread = threading.Thread(target=self._run, args=(ready,), name="scripted-model", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Stop listening and reset all connections."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop = self._thread = None

    def drop_connections(self) -> None:
        """Reset all open connections, idle ones too, and continue to listen."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort_all)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        loop = uvloop.new_event_loop()
        try:
            server = loop.run_until_complete(
                loop.create_server(lambda: Connection(self._service, loop), sock=self._listening_socket())
            )
            self._loop = loop
            ready.set()
            loop.run_forever()
            self._service.stopping = True
            server.close()
            self._abort_all()
            loop.run_until_complete(server.wait_closed())
        except OSError as error:
            self._failure = error
        finally:
            ready.set()
            loop.close()

    def _listening_socket(self) -> socket.socket:
        listener = socket.create_server((HOST, self._port), backlog=4096)
        self._port = listener.getsockname()[1]
        return listener

    def _abort_all(self) -> None:
        for connection in tuple(self._service.connections):
            connection.abort()
