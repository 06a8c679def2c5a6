"""JWKS sources: an identity provider's URL, or a file."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec

from aether import __version__
from aether.adapters.jwt.key_set import KeySet
from aether.errors import IdentityProviderUnavailableError
from aether.outbound.bounded_read import read_bounded

_TIMEOUT_S = 5.0
_MAX_BYTES = 1024 * 1024
_DEFAULT_FRESH_S = 300.0
_MIN_FRESH_S = 60.0
_MAX_FRESH_S = 86_400.0
_FILE_FRESH_S = 1.0  # checking the file's time is cheap
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "User-Agent": f"Aether/{__version__}"}

Parse = Callable[[bytes], KeySet]
"""Parses a published key set, or raises ValueError."""


class FetchedKeys(msgspec.Struct, frozen=True):
    """Keys, and for how many seconds they need not be fetched again."""

    keys: KeySet
    fresh_s: float


class JwksSource(Protocol):
    """Provides the identity provider's keys."""

    @property
    def pause_s(self) -> float:
        """Minimum time from one fetch to the next."""
        ...

    async def fetch(self) -> FetchedKeys:
        """Return the current keys.

        Raises:
            IdentityProviderUnavailableError: they cannot be fetched or parsed.
        """
        ...


def jwks_source(location: str, parse: Parse) -> AbstractAsyncContextManager[JwksSource]:
    """Return a context manager that opens the source at an http(s) URL, a file URL, or the path of a file."""
    if location.startswith(("https:", "http:")):
        return HttpJwks.open(location, parse)
    path = unquote(urlsplit(location).path) if location.startswith("file:") else location
    return nullcontext(FileJwks(Path(path), parse))


class HttpJwks:
    """Keys at a URL; a fetch has limits for time and size, and does not follow redirects."""

    pause_s = 10.0

    def __init__(self, session: aiohttp.ClientSession, url: str, parse: Parse) -> None:
        self._session = session
        self._url = url
        self._parse = parse

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, parse: Parse) -> AsyncIterator[Self]:
        """Open the HTTP client; it uses the environment's proxies unless the provider is on this machine."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trust_env=url.startswith("https:"),
        ) as session:
            yield cls(session, url, parse)

    async def fetch(self) -> FetchedKeys:
        """Fetch the keys; they stay fresh as long as `Cache-Control` says, within limits."""
        try:
            async with self._session.get(self._url, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise ValueError(f"it answered {response.status}")  # noqa: TRY301 - handled as unreadable content
                too_large = ValueError("its answer is larger than 1 MiB")
                content = await read_bounded(response.content.iter_any(), _MAX_BYTES, too_large)
                return FetchedKeys(self._parse(content), _fresh_s(response.headers.get("Cache-Control", "")))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unavailable(error) from error


def _fresh_s(cache_control: str) -> float:
    max_age = _MAX_AGE.search(cache_control)
    return min(max(float(max_age[1]), _MIN_FRESH_S), _MAX_FRESH_S) if max_age else _DEFAULT_FRESH_S


class FileJwks:
    """Keys in a file, which is read again when it has changed."""

    pause_s = 0.0

    def __init__(self, path: Path, parse: Parse) -> None:
        self._path = path
        self._parse = parse
        self._last: tuple[object, KeySet] | None = None

    async def fetch(self) -> FetchedKeys:
        """Return the keys in the file."""
        try:
            return FetchedKeys(await asyncio.to_thread(self._read), _FILE_FRESH_S)
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    def _read(self) -> KeySet:
        # The status is taken before the content, so that a write in between counts as a change.
        status = self._path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._last is None or self._last[0] != stamp:
            self._last = (stamp, self._parse(self._path.read_bytes()))
        return self._last[1]


def _unavailable(error: Exception) -> IdentityProviderUnavailableError:
    return IdentityProviderUnavailableError(str(error) or type(error).__name__)
