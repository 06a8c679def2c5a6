"""A run's one way to the store."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import structlog

from aether.domain.job import Change, Job
from aether.durable.ports import Clock, JobStore
from aether.errors import FencedError, StoreUnavailableError

T = TypeVar("T")
log = structlog.get_logger()


class Journal:
    """Commits what a run does, in order and one commit at a time; what comes up meanwhile goes along with the next.

    While the store is away it keeps what it has and tries on. Once a commit is refused, so is everything after it; each
    refusal is told to `on_fenced` too, since many a note has nobody who waits for it.
    """

    def __init__(self, store: JobStore, job: Job, clock: Clock, on_fenced: Callable[[], object] = lambda: None) -> None:
        self._store = store
        self._job = job
        self._clock = clock
        self._on_fenced = on_fenced
        self._version = job.version
        self._watched = True
        self._broken: Exception | None = None
        self._noted = Change()
        self._written: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def watched(self) -> bool:
        """Whether anybody listened to the job's texts at the last commit; until the first, somebody is thought to."""
        return self._watched

    def note(self, change: Change) -> asyncio.Future[None]:
        """Put the change into the next commit; the future is done when it is durable.

        The future raises FencedError if this run has lost its job.
        """
        self._noted += change
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
            # A note that nobody waits for may be refused without a word; the next one that matters hears of it.
            self._written.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return self._written

    async def write(self, change: Change) -> None:
        """Make the change durable.

        Raises:
            FencedError: this run has lost its job.
        """
        await asyncio.shield(self.note(change))

    async def settle(self, timeout_s: float = 1.0) -> None:
        """Give what is noted already a last chance to become durable."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=timeout_s)

    async def _write(self) -> None:
        while self._written is not None:
            change, written = self._noted, self._written
            self._noted, self._written = Change(), None
            if self._broken is not None:
                # Whether the commit before was made is unknown, and the next would be taken for it.
                written.set_exception(self._broken)
                continue
            commit = partial(self._store.commit, self._job.id, self._job.epoch, self._version, change)
            try:
                self._version, self._watched = await patiently(commit, self._clock)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait for the commit
                self._broken = error
                written.set_exception(error)
                if isinstance(error, FencedError):
                    self._on_fenced()
            else:
                written.set_result(None)


async def patiently(call: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Make a call of the store, again and again while the store is away."""
    wait = 0.05
    while True:
        try:
            return await call()
        except StoreUnavailableError as error:
            log.warning("store.unavailable", reason=error.what, next_try_s=wait)
        await clock.sleep(wait)
        wait = min(wait * 2, 1.0)
