"""Where the server of a data directory can be reached: one small file, there while it is ready."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import msgspec

from aether.cli.output.atomic_write import write_atomically
from aether.settings import Secret

_ASK_TIMEOUT_S = 2.0


class ServerAddress(msgspec.Struct, frozen=True):
    """A server's URL, the process that answers there, and a key that it takes for as long as it runs."""

    url: str
    pid: int
    key: Secret | None = None


_encode = msgspec.json.Encoder(enc_hook=Secret.reveal).encode
_decode = msgspec.json.Decoder(ServerAddress, dec_hook=lambda _, text: Secret(text)).decode


def address_file(home: Path) -> Path:
    """Return the file that holds the address."""
    return home / "server.json"


def publish(home: Path, address: ServerAddress) -> None:
    """Write the address where `published` finds it; only this user may read it."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(address_file(home), _encode(address), mode=0o600)


def withdraw(home: Path, pid: int) -> None:
    """Take the address back, unless another server has written its own over it."""
    if (address := published(home)) is not None and address.pid == pid:
        with suppress(OSError):
            address_file(home).unlink()


def published(home: Path) -> ServerAddress | None:
    """Return the address that was written last; its server may be dead by now."""
    try:
        return _decode(address_file(home).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


async def running(home: Path) -> ServerAddress | None:
    """Return the address of a server that runs and answers, or None."""
    address = published(home)
    if address is None or not _alive(address.pid) or not await answers(f"{address.url}/health/live"):
        return None
    return address


async def answers(url: str) -> bool:
    """Tell whether a GET of `url`, on this machine, gets a 200."""
    async with asking() as http:
        return await gets_200(http, url)


@asynccontextmanager
async def asking() -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for questions to this machine, past any proxy."""
    async with httpx2.AsyncClient(trust_env=False, timeout=_ASK_TIMEOUT_S) as http:
        yield http


async def gets_200(http: httpx2.AsyncClient, url: str) -> bool:
    """Tell whether a GET of `url` gets a 200."""
    try:
        return (await http.get(url)).status_code == httpx2.codes.OK
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
