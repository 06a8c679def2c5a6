"""Server discovery: a file in the data directory names the server that runs there, while it is ready."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import msgspec

from aether.cli.output.atomic_write import write_atomically
from aether.outbound.cookies import no_cookies
from aether.settings import Secret

_TIMEOUT_S = 2.0


class ServerAddress(msgspec.Struct, frozen=True):
    """A server's URL, its process id, and a key that it takes for as long as it runs.

    `models` are its models by the variables that choose them, `settings` the fingerprints of its settings, `notes` what
    it tells about the choice of its model. They are empty if the server is of an older version.
    """

    url: str
    pid: int
    key: Secret | None = None
    models: dict[str, str] = {}
    settings: dict[str, str] = {}
    notes: tuple[str, ...] = ()


_encode = msgspec.json.Encoder(enc_hook=Secret.reveal).encode
_decode = msgspec.json.Decoder(ServerAddress, dec_hook=lambda _, text: Secret(text)).decode


def address_file(data_dir: Path) -> Path:
    """Return the path of the file that holds the address."""
    return data_dir / "server.json"


def publish_address(data_dir: Path, address: ServerAddress) -> None:
    """Write the address file; only this user may read it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(address_file(data_dir), _encode(address), mode=0o600)


def withdraw_address(data_dir: Path, pid: int) -> None:
    """Delete the address file, unless another server has replaced it with its own."""
    if (address := read_address(data_dir)) is not None and address.pid == pid:
        with suppress(OSError):
            address_file(data_dir).unlink()


def read_address(data_dir: Path) -> ServerAddress | None:
    """Return the address in the file; its server may have died."""
    try:
        return _decode(address_file(data_dir).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


async def find_server(data_dir: Path) -> ServerAddress | None:
    """Return the address of the server of this data directory if it runs and answers."""
    address = read_address(data_dir)
    if address is None or not _process_exists(address.pid):
        return None
    async with local_http_client() as http:
        return address if await is_ok(http, f"{address.url}/health/live") else None


@asynccontextmanager
async def local_http_client() -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client for requests to this machine, which never go to a proxy."""
    async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S, cookies=no_cookies()) as http:
        yield http


async def is_ok(http: httpx2.AsyncClient, url: str) -> bool:
    """Tell whether a GET of `url` is answered with 200."""
    try:
        return (await http.get(url)).status_code == httpx2.codes.OK
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
