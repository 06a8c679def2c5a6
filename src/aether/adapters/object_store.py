"""Object store: files as objects named `<job id>/<name>`, in a local directory or in an S3 bucket."""

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

_PAGE_SIZE = 1_000  # what S3 lists and deletes in one request
_PATH_PART = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")
_JOB_FILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+")

_MISCONFIGURED = (PermissionDeniedError, UnauthenticatedError, OSError)
"""Errors at the start that a retry would not fix; a missing bucket raises FileNotFoundError."""


class ObjectFiles:
    """The `FileStore` that keeps large files outside of Redis.

    Objects do not expire by themselves: `sweep` deletes those of jobs that no longer exist.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._store = _open_store(url)

    async def check(self) -> None:
        """Check that files can be written and deleted.

        Raises:
            ConfigurationError: the configuration does not allow it.
            StoreUnavailableError: the store does not answer for now.
        """
        path = f"check-{uuid4()}"
        with _translate_errors():
            try:
                await obstore.put_async(self._store, path, b"", use_multipart=False)
                await obstore.delete_async(self._store, path)
            except _MISCONFIGURED as error:
                raise _cannot_use(self._url, error) from error

    async def put(self, job_id: str, name: str, content: bytes) -> None:
        """Upload the file in one request, which is atomic."""
        with _translate_errors():
            await obstore.put_async(self._store, _object_path(job_id, name), content, use_multipart=False)

    async def read(self, job_id: str, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Download the file, or a range of it."""
        path = _object_path(job_id, name)
        with _translate_errors(), suppress(FileNotFoundError):
            if start == 0 and stop is None:
                found = await obstore.get_async(self._store, path)
                return bytes(await found.bytes_async())
            # The store rejects an empty range.
            size = (await obstore.head_async(self._store, path))["size"]
            first, end, _ = slice(start, stop).indices(size)
            if first >= end:
                return b""
            return bytes(await obstore.get_range_async(self._store, path, start=first, end=end))
        return None

    async def erase(self, job_id: str) -> None:
        """Delete the objects under the job's id."""
        with _translate_errors():
            async for page in obstore.list(self._store, _check_part(job_id), chunk_size=_PAGE_SIZE):
                await self._delete([found["path"] for found in page])

    async def sweep(self, find_existing: FindExisting, before: datetime) -> int:
        """Delete files older than this whose jobs no longer exist; objects with other names are left alone."""
        swept = 0
        with _translate_errors():
            async for page in obstore.list(self._store, chunk_size=_PAGE_SIZE):
                old = [found["path"] for found in page if found["last_modified"] < before]
                job_files = [path for path in old if _JOB_FILE.fullmatch(path)]
                # After the listing: a job that has no record now will never have one again.
                existing = await find_existing({_job_id_of(path) for path in job_files})
                orphans = [path for path in job_files if _job_id_of(path) not in existing]
                await self._delete(orphans)
                swept += len(orphans)
            if isinstance(self._store, LocalStore) and self._store.prefix:
                await asyncio.to_thread(_delete_partial_files, self._store.prefix, before)
        return swept

    async def _delete(self, paths: Sequence[str]) -> None:
        try:
            await obstore.delete_async(self._store, paths)
        except FileNotFoundError:
            # Another process sweeps too, and a directory stops at the first missing file.
            for path in paths:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, path)


def _open_store(url: str) -> LocalStore | S3Store:
    try:
        if url.startswith("file:"):
            return LocalStore.from_url(url, mkdir=True, automatic_cleanup=True)
        # Credentials, region and endpoint come from the AWS_* variables.
        return S3Store.from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=3),
                "timeout": timedelta(seconds=60),
                "allow_http": True,  # for an AWS_ENDPOINT_URL with http:; https: never falls back to it
            },
            # Callers retry themselves, or somebody waits for them.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )
    except (BaseError, OSError, ValueError) as error:
        raise _cannot_use(url, error) from error


def _delete_partial_files(folder: Path, before: datetime) -> None:
    """Delete files that a killed process left incomplete; the library names them `<name>#<number>` and hides them."""
    # Unlike `Path.glob`, `glob` does not fail on a directory that another sweep has just removed.
    for name in iglob("*/*#*", root_dir=folder):  # noqa: PTH207 - see above
        partial_file = folder / name
        with suppress(OSError):
            if _JOB_FILE.fullmatch(name) and partial_file.stat().st_mtime < before.timestamp():
                partial_file.unlink()
                partial_file.parent.rmdir()


def _cannot_use(url: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"AETHER_OBJECT_STORE: {url} cannot be used: {_first_line(error)}.")


def _first_line(error: Exception) -> str:
    """Return the error's message without the library's data structures after it."""
    return str(error).partition("\n")[0].rstrip(".")


@contextmanager
def _translate_errors() -> Iterator[None]:
    # Including denied access, which an operator may fix, as with a read-only Redis.
    try:
        yield
    except (BaseError, OSError) as error:
        raise StoreUnavailableError(_first_line(error)) from error


def _object_path(job_id: str, name: str) -> str:
    return f"{_check_part(job_id)}/{_check_part(name)}"


def _check_part(text: str) -> str:
    if not _PATH_PART.fullmatch(text):
        raise ValueError(f"{text!r} cannot name an object.")
    return text


def _job_id_of(path: str) -> str:
    return path.partition("/")[0]
