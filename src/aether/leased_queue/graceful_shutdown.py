"""How a worker ends: its jobs end with it or go to others, and neither costs them a try."""

import asyncio
import contextlib
import logging
from signal import SIGUSR1, Signals
from typing import Any

from typing_extensions import override

from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.heartbeat import Heartbeat
from aether.leased_queue.job_runner import JobRunner
from aether.leased_queue.wakeup import Wakeup

_logger = logging.getLogger(__name__)
_FAREWELL_S = 2.0  # for what must reach a Redis that may be away, and for jobs that are slow to cancel


class GracefulRunner(JobRunner):
    """The part of `LeasedWorker` that stops."""

    def __init__(self, *args: Any, **options: Any) -> None:  # arq's own arguments, typed there
        super().__init__(*args, **options)
        self._grace_s = 0.0
        self._hurry = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._bell: Wakeup | None = None
        self._heartbeat: Heartbeat | None = None

    @override
    def handle_sig(self, signum: Signals) -> None:
        """Stop claiming and let jobs end within the grace; called again, stop now."""
        if self._stopping is not None:
            self._hurry.set()
            return
        self.allow_pick_jobs = False
        _logger.info(
            "shutdown on %s ◆ %d jobs complete ◆ %d failed ◆ %d retries ◆ %d ongoing to cancel",
            Signals(signum).name,
            self.jobs_complete,
            self.jobs_failed,
            self.jobs_retried,
            len(self.tasks),
        )
        self._stopping = self.loop.create_task(self._stop(signum))

    handle_sig_wait_for_completion = handle_sig

    async def _stop(self, signum: Signals) -> None:
        hurry = asyncio.create_task(self._hurry.wait())
        deadline = self.loop.time() + self._grace_s
        while self._runs and not hurry.done() and (left := deadline - self.loop.time()) > 0:
            await asyncio.wait({hurry, *self._runs}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        await self._hand_back()
        self._stopped.set()
        self._wake.set()
        if self.on_stop is not None:
            self.on_stop(signum)

    async def _hand_back(self) -> None:
        unsettled = [claim for claim in self.claims.values() if not claim.settling]
        sending = []
        for claim in unsettled:
            claim.settling = True
            order = self._return(claim, "release" if claim.begun else "retry")
            sending.append(asyncio.create_task(self._send(order)))
        for task in self._runs:
            task.cancel()
        if sending:
            done, late = await asyncio.wait(sending, timeout=_FAREWELL_S)
            self.counts.handed_back += sum(task.result() for task in done)
            for undelivered in late:
                undelivered.cancel()

    @override
    async def close(self) -> None:
        """Stop as on SIGTERM and close every connection; the leases of what Redis could not be told run out."""
        if self._stopping is None:
            self.handle_sig(SIGUSR1)
        if self._stopping is not None:
            await self._stopping
        running = {task for task in (*self._runs, self.main_task) if task is not None}
        if running:
            await asyncio.wait(running, timeout=_FAREWELL_S)
        await self._close_companions()
        if self._pool is None:
            return
        with contextlib.suppress(*UNREACHABLE):
            await self.pool.delete(self.health_check_key)
        try:
            if self.on_shutdown is not None:
                await self.on_shutdown(self.ctx)
        finally:
            await self.pool.aclose(close_connection_pool=True)
            self._pool = None

    async def _close_companions(self) -> None:
        if self._heartbeat is not None:
            await self._heartbeat.stop()
        if self._bell is not None:
            await self._bell.close()
        if self._outbox is not None:
            await self._outbox.close(_FAREWELL_S)
