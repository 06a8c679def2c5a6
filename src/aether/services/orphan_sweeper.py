"""Orphan sweeper: deletes the files of jobs that no longer exist, in stores where files do not expire."""

import random
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from aether.durable.ports import Clock, FileStore, JobStore
from aether.errors import StoreUnavailableError

_INTERVAL_S = 3_600.0
_MIN_AGE = timedelta(minutes=15)
"""Minimum age of a file; must exceed the clock difference between workers and the file store."""

FindExisting = Callable[[Collection[str]], Awaitable[Collection[str]]]

log = structlog.get_logger()


class SweepableFileStore(FileStore, Protocol):
    """A file store whose files do not expire."""

    async def check(self) -> None:
        """Check that files can be stored.

        Raises:
            ConfigurationError: they cannot, and a retry would not help.
        """
        ...

    async def sweep(self, find_existing: FindExisting, before: datetime) -> int:
        """Delete files written `before` whose job `find_existing` does not return; return how many.

        Several sweeps may run concurrently.
        """
        ...


async def sweep_orphans(files: SweepableFileStore, jobs: JobStore, clock: Clock) -> None:
    """Sweep now, and then about every hour, until cancelled."""
    while True:
        try:
            count = await files.sweep(jobs.find_existing, clock.now() - _MIN_AGE)
        except StoreUnavailableError as error:
            log.warning("files.unswept", reason=error.what)
        else:
            log.info("files.swept", count=count)
        # Random, so that workers that start together do not sweep together.
        await clock.sleep(_INTERVAL_S * random.uniform(0.75, 1.25))  # noqa: S311 - no secret depends on it
