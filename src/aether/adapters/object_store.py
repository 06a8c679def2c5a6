"""Files as objects named `<job id>/<name>`, in a folder of this machine or in a bucket."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from glob import iglob
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from aether.errors import ConfigurationError, StoreUnavailableError
from aether.services.orphan_sweeper import FindExisting

_PAGE = 1_000  # what S3 lists and deletes in one request
_PART = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")
_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+")

_MISCONFIGURED = (PermissionDeniedError, UnauthenticatedError, OSError)
"""What says at the start that trying again would not help; a bucket that does not exist is a FileNotFoundError."""


class ObjectFiles:
    """The `FileStore` that keeps large files out of Redis.

    Objects do not expire: `sweep` deletes those of jobs that are gone.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._store = _opened(url)

    async def check(self) -> None:
        """Find out whether files can be written and deleted there.

        Raises:
            ConfigurationError: not as it is set up.
            StoreUnavailableError: not for now.
        """
        path = f"check-{uuid4()}"
        with _reaching():
            try:
                await obstore.put_async(self._store, path, b"", use_multipart=False)
                await obstore.delete_async(self._store, path)
            except _MISCONFIGURED as error:
                raise _unusable(self._url, error) from error

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Upload the file in one request, which is atomic."""
        with _reaching():
            await obstore.put_async(self._store, _path(job_id, name), content, use_multipart=False)

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Download the file, or what was asked for of it."""
        path = _path(job_id, name)
        with _reaching(), suppress(FileNotFoundError):
            if start == 0 and stop is None:
                found = await obstore.get_async(self._store, path)
                return bytes(await found.bytes_async())
            # A range that holds nothing is an error to the store.
            size = (await obstore.head_async(self._store, path))["size"]
            first, end, _ = slice(start, stop).indices(size)
            if first >= end:
                return b""
            return bytes(await obstore.get_range_async(self._store, path, start=first, end=end))
        return None

    async def erase(self, job_id: str) -> None:
        """Delete the objects under the job's id."""
        with _reaching():
            async for page in obstore.list(self._store, _part(job_id), chunk_size=_PAGE):
                await self._delete([found["path"] for found in page])

    async def sweep(self, find_existing: FindExisting, before: datetime) -> int:
        """Delete the files of unknown jobs that were written before; what is not named as ours is left alone."""
        swept = 0
        with _reaching():
            async for page in obstore.list(self._store, chunk_size=_PAGE):
                old = [found["path"] for found in page if found["last_modified"] < before]
                ours = [path for path in old if _OURS.fullmatch(path)]
                # Asked after the listing: a job of which there is no record now will never have one again.
                alive = await find_existing({_job_of(path) for path in ours})
                gone = [path for path in ours if _job_of(path) not in alive]
                await self._delete(gone)
                swept += len(gone)
            if isinstance(self._store, LocalStore) and self._store.prefix:
                await asyncio.to_thread(_clear_halves, self._store.prefix, before)
        return swept

    async def _delete(self, paths: Sequence[str]) -> None:
        try:
            await obstore.delete_async(self._store, paths)
        except FileNotFoundError:
            # Another sweeps too, and a folder gives up at the first file that is missing.
            for path in paths:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, path)


def _opened(url: str) -> LocalStore | S3Store:
    try:
        if url.startswith("file:"):
            return LocalStore.from_url(url, mkdir=True, automatic_cleanup=True)
        # It reads credentials, region and endpoint from AWS_* by itself.
        return S3Store.from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=60),
                "allow_http": True,  # for an AWS_ENDPOINT_URL that begins so; there is no falling back to it
            },
            # Whoever calls tries again by himself, or has somebody waiting.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )
    except (BaseError, OSError, ValueError) as error:
        raise _unusable(url, error) from error


def _clear_halves(folder: Path, before: datetime) -> None:
    """Delete what a process that was killed had half written: the library names it `<name>#<number>` and hides it."""
    # Unlike `Path.glob`, `glob` does not stumble over a folder that another sweep has just removed.
    for name in iglob("*/*#*", root_dir=folder):  # noqa: PTH207 - see above
        half = folder / name
        with suppress(OSError):
            if _OURS.fullmatch(name) and half.stat().st_mtime < before.timestamp():
                half.unlink()
                half.parent.rmdir()


def _unusable(url: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"AETHER_OBJECT_STORE: {url} cannot be used: {_first_line(error)}.")


def _first_line(error: Exception) -> str:
    """Return what an error says without the library's own structures behind it."""
    return str(error).partition("\n")[0].rstrip(".")


@contextmanager
def _reaching() -> Iterator[None]:
    # Also for what is refused: an operator may set it right, as with a Redis that is read-only.
    try:
        yield
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(_first_line(error)) from error


def _path(job_id: str, name: str) -> str:
    return f"{_part(job_id)}/{_part(name)}"


def _part(text: str) -> str:
    if not _PART.fullmatch(text):
        raise ValueError(f"{text!r} cannot name an object.")
    return text


def _job_of(path: str) -> str:
    return path.partition("/")[0]
