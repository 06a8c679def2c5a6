"""Server connection: finds the server for a command, or starts a private one."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from aether.adapters.local.child_process import ChildProcess
from aether.cli.client.credentials import Credential, ServerEndpoint, configured_credential
from aether.cli.local.discovery import ServerAddress, find_server, read_address
from aether.cli.local.server_settings import notes_on_remote, notes_on_shared
from aether.errors import ConfigurationError
from aether.settings import Settings

_POLL_S = 0.05
_START_TIMEOUT_S = 120.0
_BUSY_PAUSE_S = 0.5
_BUSY_TIMEOUT_S = 20.0
_RESTART_TIMEOUT_S = 10.0
"""How long a server that was used before may be gone before a private one is started in its place."""
_MAX_LOG_BYTES = 1_000_000
_LOG_EXCERPT_LINES = 5
_STOP_TIMEOUT_S = 10.0
"""The time for a private server to stop, beyond the grace of its jobs: workers, store and model have to end."""


class ServerConnection(Protocol):
    """A server, which may move while it is unavailable."""

    async def endpoint(self) -> ServerEndpoint:
        """Return the current URL of the server, and the key for it.

        Raises:
            ConfigurationError: there is none and none can be started.
        """
        ...


class RemoteServer:
    """A server at a fixed URL."""

    def __init__(self, url: str, credential: Credential | None = None, notes: tuple[str, ...] = ()) -> None:
        self._endpoint = ServerEndpoint(url, credential, notes=notes)

    async def endpoint(self) -> ServerEndpoint:
        """Return the URL and the key."""
        return self._endpoint


class LocalServer:
    """The server of a data directory: the one that runs there, or else a private one that ends with the context.

    It lends a key to its user, which is used unless the user has set another.
    """

    def __init__(self, settings: Settings, show_message: Callable[[str], None]) -> None:
        self._settings = settings
        self._configured_credential = configured_credential(settings)
        self._data_dir = settings.home
        self._log = settings.home / "server.log"
        self._show_message = show_message
        self._shown_messages: set[str] = set()
        self._private_server: ChildProcess | None = None
        self._uses_shared_server = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._private_server is None:
            return
        try:
            await self._private_server.stop()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.kill(self._private_server.pid, signal.SIGTERM)  # the second one: stop at once
            raise

    async def endpoint(self) -> ServerEndpoint:
        """Return the URL of the server; wait for a server of another process that is starting or stopping."""
        clock = asyncio.get_running_loop().time
        started_at = clock()
        while True:
            if (address := await find_server(self._data_dir)) is not None:
                self._uses_shared_server = self._private_server is None
                return self._endpoint_at(address)
            if self._uses_shared_server and clock() < started_at + _RESTART_TIMEOUT_S:
                # Its operator may be restarting it, with settings that a private server would not have.
                await asyncio.sleep(_BUSY_PAUSE_S)
                continue
            if (address := await self._start_private_server()) is not None:
                return self._endpoint_at(address)
            if clock() > started_at + _BUSY_TIMEOUT_S:
                raise ConfigurationError(
                    f"The data directory {self._data_dir} is in use by a server that does not answer. "
                    "Try again later, or choose another with --data-dir."
                )
            self._show_once("waiting for another server of this data directory, which is starting or ending")
            await asyncio.sleep(_BUSY_PAUSE_S)

    def _endpoint_at(self, address: ServerAddress) -> ServerEndpoint:
        lent = Credential(address.key, is_lent=True) if address.key else None
        is_private = self._private_server is not None
        notes = address.notes if is_private else notes_on_shared(address, self._settings)
        return ServerEndpoint(address.url, self._configured_credential or lent, address.models, notes)

    def _show_once(self, message: str) -> None:
        if message not in self._shown_messages:
            self._show_message(message)
        self._shown_messages.add(message)

    async def _start_private_server(self) -> ServerAddress | None:
        """Start a private server and return its address, or None if another process uses the data directory."""
        if self._private_server is not None and self._private_server.returncode is None:
            return None  # it runs, but does not answer
        log_start = self._prepare_log()
        self._show_once(f"starting a private server; its log is {self._log}")
        self._private_server = await ChildProcess.start(
            [sys.executable, "-m", "aether", "serve", "--host", "127.0.0.1", "--port", "0"],
            log=self._log,
            env=self._settings.child_environment(),
            grace_s=self._settings.shutdown_grace + _STOP_TIMEOUT_S,
        )
        address = await self._wait_for_address(self._private_server)
        if address is not None or self._private_server.returncode == os.EX_TEMPFAIL:
            return address
        raise ConfigurationError(f"The private server did not start. {_failure_reason(self._log, log_start)}")

    def _prepare_log(self) -> int:
        """Return the size of the log; empty it first if it is too long."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            size = self._log.stat().st_size if self._log.exists() else 0
            if size > _MAX_LOG_BYTES:
                os.truncate(self._log, size := 0)
        except OSError as error:
            message = f"The data directory {self._data_dir} cannot be used: {error.strerror}."
            raise ConfigurationError(message) from error
        return size

    async def _wait_for_address(self, server: ChildProcess) -> ServerAddress | None:
        """Return the address of the new server once it is ready, or None if it ended or took too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                while server.returncode is None:
                    if (address := read_address(self._data_dir)) is not None and address.pid == server.pid:
                        return address
                    await asyncio.sleep(_POLL_S)
        return None


@asynccontextmanager
async def connect(
    url: str | None, settings: Settings, show_message: Callable[[str], None]
) -> AsyncIterator[ServerConnection]:
    """Use the server at this URL; without one, that of the data directory, or a private one until the block ends."""
    if url is not None:
        yield RemoteServer(url, configured_credential(settings), notes_on_remote(url))
        return
    async with LocalServer(settings, show_message) as server:
        yield server


def _failure_reason(log: Path, log_start: int) -> str:
    """Return the error that the server logged before it ended, or else the last lines of its log."""
    with log.open("rb") as file:
        file.seek(log_start)
        lines = file.read().decode(errors="replace").splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return errors[-1] if errors else "\n".join([f"The end of {log}:", *lines[-_LOG_EXCERPT_LINES:]])
