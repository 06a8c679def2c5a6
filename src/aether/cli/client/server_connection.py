"""Where jobs are done: a server elsewhere, the one of this data directory, or one of our own."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from aether.adapters.local.child_process import ChildProcess
from aether.cli.client.credentials import Credential, ServerEndpoint, given_credential
from aether.cli.local.discovery import ServerAddress, published, running
from aether.errors import ConfigurationError
from aether.settings import Settings

_POLL_S = 0.05
_START_TIMEOUT_S = 120.0
_BUSY_PAUSE_S = 0.5
_BUSY_TIMEOUT_S = 20.0
_RETURN_S = 10.0
"""How long a server that was found, and is gone, may take to be back before one is started in its place."""
_LONGEST_LOG = 1_000_000
_LAST_LINES = 5
_STOP_OVERTIME_S = 10.0
"""What a private server gets beyond the grace of its jobs: its workers, then its store and model have to end."""


class ServerConnection(Protocol):
    """A server that can be asked for again after it was away."""

    async def endpoint(self) -> ServerEndpoint:
        """Return where the server is now, and the key for it.

        Raises:
            ConfigurationError: there is none and none can be started.
        """
        ...


class RemoteServer:
    """A server that somebody else looks after."""

    def __init__(self, url: str, credential: Credential | None = None) -> None:
        self._endpoint = ServerEndpoint(url, credential)

    async def endpoint(self) -> ServerEndpoint:
        """Return what was given."""
        return self._endpoint


class LocalServer:
    """The server of a data directory: the one that runs already, or else a private one that ends with the context.

    It lends its user a key, unless they have given another.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._given = given_credential(settings)
        self._home = settings.home
        self._log = settings.home / "server.log"
        self._say = say
        self._own: ChildProcess | None = None
        self._told: set[str] = set()
        self._is_guest = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._own is None:
            return
        try:
            await self._own.stop()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.kill(self._own.pid, signal.SIGTERM)  # the second one: at once
            raise

    async def endpoint(self) -> ServerEndpoint:
        """Return where the server is; another's, that is just starting or ending, is waited for."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        give_up_at = begun + _BUSY_TIMEOUT_S
        while True:
            if (address := await running(self._home)) is not None:
                self._is_guest = self._own is None
                return self._at(address)
            if self._is_guest and clock() < begun + _RETURN_S:
                # Whoever looks after it may be starting it again, with settings of its own.
                await asyncio.sleep(_BUSY_PAUSE_S)
                continue
            if (address := await self._started()) is not None:
                return self._at(address)
            if clock() > give_up_at:
                raise ConfigurationError(
                    f"The data directory {self._home} is in use by a server that does not answer. "
                    "Try again later, or choose another with --data-dir."
                )
            self._say_once("waiting for another server of this data directory, which is starting or ending")
            await asyncio.sleep(_BUSY_PAUSE_S)

    def _at(self, address: ServerAddress) -> ServerEndpoint:
        lent = Credential(address.key, given=False) if address.key else None
        return ServerEndpoint(address.url, self._given or lent)

    def _say_once(self, text: str) -> None:
        if text not in self._told:
            self._say(text)
        self._told.add(text)

    async def _started(self) -> ServerAddress | None:
        """Start a private server and return its address, or None if the data directory is still another's."""
        if self._own is not None and self._own.returncode is None:
            return None  # ours, but it does not answer
        log_begins = self._prepare_log()
        self._say_once(f"starting a private server; its log is {self._log}")
        self._own = await ChildProcess.start(
            [sys.executable, "-m", "aether", "serve", "--host", "127.0.0.1", "--port", "0"],
            log=self._log,
            env=os.environ | self._settings.as_environment(),
            grace_s=self._settings.shutdown_grace + _STOP_OVERTIME_S,
        )
        address = await self._ready(self._own)
        if address is not None or self._own.returncode == os.EX_TEMPFAIL:
            return address
        raise ConfigurationError(f"The private server did not start. {_reason(self._log, log_begins)}")

    def _prepare_log(self) -> int:
        """Return the size of the log, which starts anew when it has become too long."""
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            size = self._log.stat().st_size if self._log.exists() else 0
            if size > _LONGEST_LOG:
                os.truncate(self._log, size := 0)
        except OSError as error:
            raise ConfigurationError(f"The data directory {self._home} cannot be used: {error.strerror}.") from error
        return size

    async def _ready(self, server: ChildProcess) -> ServerAddress | None:
        """Wait until the server has told its address, or ended, or taken far too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                while server.returncode is None:
                    if (address := published(self._home)) is not None and address.pid == server.pid:
                        return address
                    await asyncio.sleep(_POLL_S)
        return None


def _reason(log: Path, begins: int) -> str:
    """Return what a server said before it ended: its error if it knew one, or else its last lines."""
    with log.open("rb") as file:
        file.seek(begins)
        lines = file.read().decode(errors="replace").splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return errors[-1] if errors else "\n".join([f"The end of {log}:", *lines[-_LAST_LINES:]])
