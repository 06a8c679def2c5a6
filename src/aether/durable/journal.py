"""Journal: commits the changes of one run to the store, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import structlog

from aether.domain.job import Change, Job, StepStatus
from aether.durable.ports import Clock, JobStore
from aether.errors import FencedError, StoreUnavailableError

_LINGER_S = 0.003
"""How long a change waits for those of other steps that run; whoever follows the job learns of it later by as much."""

T = TypeVar("T")
log = structlog.get_logger()


class Journal:
    """Commits a run's changes in order, one commit at a time; changes appended during a commit go into the next one.

    Steps that run side by side often end side by side, so a change waits a moment for others while steps run.

    While the store is unavailable, the journal keeps its changes and retries. After a commit has failed for good, all
    later changes fail with the same error. `on_fenced` is called too when a commit is fenced, because often nobody
    awaits the change.
    """

    def __init__(self, store: JobStore, job: Job, clock: Clock, on_fenced: Callable[[], object] = lambda: None) -> None:
        self._store = store
        self._job = job
        self._clock = clock
        self._on_fenced = on_fenced
        self._version = job.version
        self._has_listeners = True
        self._failure: Exception | None = None
        self._running: set[str] = set()
        self._pending = Change()
        self._pending_done: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def has_listeners(self) -> bool:
        """Whether anybody listened to the job's token stream at the last commit; True before the first."""
        return self._has_listeners

    def append(self, change: Change) -> asyncio.Future[None]:
        """Add the change to the next commit; the future is done when the change is durable.

        The future raises FencedError if this run has lost its job.
        """
        self._pending += change
        for step in change.steps:
            (self._running.add if step.status is StepStatus.RUNNING else self._running.discard)(step.name)
        if self._pending_done is None:
            self._pending_done = asyncio.get_running_loop().create_future()
            # Nobody may await this future. Retrieving its exception here keeps asyncio from reporting it; a later
            # change that is awaited raises it again.
            self._pending_done.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return self._pending_done

    async def write(self, change: Change) -> None:
        """Make the change durable.

        Raises:
            FencedError: this run has lost its job.
        """
        await asyncio.shield(self.append(change))

    async def flush(self, timeout_s: float = 1.0) -> None:
        """Wait up to `timeout_s` for appended changes to become durable."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=timeout_s)

    async def _write(self) -> None:
        while self._pending_done is not None:
            await asyncio.sleep(0)  # changes of this turn of the event loop join the commit
            if self._running:
                await asyncio.sleep(_LINGER_S)
            change, done = self._pending, self._pending_done
            self._pending, self._pending_done = Change(), None
            if self._failure is not None:
                # The failed commit may have been applied; the store would take the next one for its repetition.
                done.set_exception(self._failure)
                continue
            commit = partial(self._store.commit, self._job.id, self._job.epoch, self._version, change)
            try:
                self._version, self._has_listeners = await retry_while_unavailable(commit, self._clock)
            except Exception as error:  # noqa: BLE001 - raised to everyone who awaits the commit
                self._failure = error
                done.set_exception(error)
                if isinstance(error, FencedError):
                    self._on_fenced()
            else:
                done.set_result(None)


async def retry_while_unavailable(call: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """Make a call to the store, and repeat it while the store is unavailable."""
    wait = 0.05
    while True:
        try:
            return await call()
        except StoreUnavailableError as error:
            log.warning("store.unavailable", reason=error.what, next_try_s=wait)
        await clock.sleep(wait)
        wait = min(wait * 2, 1.0)
