"""Deleting the files of jobs that are gone, where files do not expire by themselves."""

import random
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from aether.durable.ports import Clock, FileStore, JobStore
from aether.errors import StoreUnavailableError

_PAUSE_S = 3_600.0
_GRACE = timedelta(minutes=15)
"""How old a file must be: more than the clocks of workers and file store are apart."""

Known = Callable[[Collection[str]], Awaitable[Collection[str]]]

log = structlog.get_logger()


class SweepableFileStore(FileStore, Protocol):
    """A file store in which what nobody deletes stays for good."""

    async def check(self) -> None:
        """Find out whether files can be kept there.

        Raises:
            ConfigurationError: they cannot, and trying again would not help.
        """
        ...

    async def sweep(self, known: Known, before: datetime) -> int:
        """Delete the files of jobs that are not `known`, if they were written `before`; return how many.

        Several may sweep at once.
        """
        ...


async def sweep_orphans(files: SweepableFileStore, jobs: JobStore, clock: Clock) -> None:
    """Sweep at once, and then every hour or so, until cancelled."""
    while True:
        try:
            count = await files.sweep(jobs.known, clock.now() - _GRACE)
        except StoreUnavailableError as error:
            log.warning("files.unswept", reason=error.what)
        else:
            log.info("files.swept", count=count)
        # Workers that start together do not go on together.
        await clock.sleep(_PAUSE_S * random.uniform(0.75, 1.25))  # noqa: S311 - no secret depends on it
