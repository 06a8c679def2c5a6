"""Where an identity provider's keys come from: its address, or a file."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec

from aether.adapters.jwt.key_set import KeySet
from aether.errors import IdentityProviderUnavailableError
from aether.outbound.bounded_read import read_bounded

_WITHIN_S = 5.0
_MAX_BYTES = 1024 * 1024
_FRESH_S = 300.0
_LEAST_FRESH_S = 60.0
_MOST_FRESH_S = 86_400.0
_FILE_FRESH_S = 1.0  # to look at its time costs next to nothing
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "User-Agent": f"Aether/{version('aether')}"}

Read = Callable[[bytes], KeySet]
"""Make keys of what was published, or raise ValueError."""


class Fetched(msgspec.Struct, frozen=True):
    """Keys, and for how many seconds nobody need ask again."""

    keys: KeySet
    fresh_s: float


class JwksSource(Protocol):
    """Whoever has the provider's keys."""

    @property
    def pause_s(self) -> float:
        """How long to leave it alone at least, from one fetch to the next."""
        ...

    async def fetch(self) -> Fetched:
        """Return the keys as they are now.

        Raises:
            IdentityProviderUnavailableError: they cannot be had, or not be used.
        """
        ...


def jwks_source(where: str, read: Read) -> AbstractAsyncContextManager[JwksSource]:
    """Return the source at an http(s) address, a file: address, or the path of a file."""
    if where.startswith(("https:", "http:")):
        return HttpJwks.open(where, read)
    path = unquote(urlsplit(where).path) if where.startswith("file:") else where
    return nullcontext(FileJwks(Path(path), read))


class HttpJwks:
    """Keys behind an address: bounded in time and size, and never fetched from where a redirect leads."""

    pause_s = 10.0

    def __init__(self, session: aiohttp.ClientSession, url: str, read: Read) -> None:
        self._session = session
        self._url = url
        self._read = read

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, read: Read) -> AsyncIterator[Self]:
        """Open what it needs; the environment's proxies are asked unless the provider is on this machine."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_WITHIN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trust_env=url.startswith("https:"),
        ) as session:
            yield cls(session, url, read)

    async def fetch(self) -> Fetched:
        """Ask for the keys; they stay fresh as `Cache-Control` says, within reason."""
        try:
            async with self._session.get(self._url, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise ValueError(f"it answered {response.status}")  # noqa: TRY301 - as what cannot be read
                too_large = ValueError("its answer is larger than 1 MiB")
                content = await read_bounded(response.content.iter_any(), _MAX_BYTES, too_large)
                return Fetched(self._read(content), _fresh_s(response.headers.get("Cache-Control", "")))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unavailable(error) from error


def _fresh_s(cache_control: str) -> float:
    said = _MAX_AGE.search(cache_control)
    return min(max(float(said[1]), _LEAST_FRESH_S), _MOST_FRESH_S) if said else _FRESH_S


class FileJwks:
    """Keys in a file, which is read again once it has changed."""

    pause_s = 0.0

    def __init__(self, path: Path, read: Read) -> None:
        self._path = path
        self._read = read
        self._last: tuple[object, KeySet] | None = None

    async def fetch(self) -> Fetched:
        """Return the keys of the file as it stands there."""
        try:
            return Fetched(await asyncio.to_thread(self._current), _FILE_FRESH_S)
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    def _current(self) -> KeySet:
        # Before it is read: what is written meanwhile is a change.
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._last is None or self._last[0] != stamp:
            self._last = (stamp, self._read(self._path.read_bytes()))
        return self._last[1]


def _unavailable(error: Exception) -> IdentityProviderUnavailableError:
    return IdentityProviderUnavailableError(str(error) or type(error).__name__)
