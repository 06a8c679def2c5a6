"""Graceful shutdown of a worker: its jobs end in time or go to other workers, and no attempt is counted for that."""

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
_CLOSE_TIMEOUT_S = 2.0  # for acks while Redis may be unreachable, and for jobs that are slow to cancel


class GracefulRunner(JobRunner):
    """The part of `LeasedWorker` that shuts down."""

    def __init__(self, *args: Any, **options: Any) -> None:  # arq's own arguments, typed there
        super().__init__(*args, **options)
        self._grace_s = 0.0
        self._second_signal = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._wakeup: Wakeup | None = None
        self._heartbeat: Heartbeat | None = None

    @override
    def handle_sig(self, signum: Signals) -> None:
        """Stop claiming, and let jobs end within the grace period; a second call ends that period."""
        if self._stopping is not None:
            self._second_signal.set()
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
        second_signal = asyncio.create_task(self._second_signal.wait())
        deadline = self.loop.time() + self._grace_s
        while self._runs and not second_signal.done() and (left := deadline - self.loop.time()) > 0:
            await asyncio.wait({second_signal, *self._runs}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        second_signal.cancel()
        await self._release_claims()
        self._stopped.set()
        self._wake.set()
        if self.on_stop is not None:
            self.on_stop(signum)

    async def _release_claims(self) -> None:
        open_claims = [claim for claim in self.claims.values() if not claim.is_closing]
        sending = []
        for claim in open_claims:
            claim.is_closing = True
            sending.append(asyncio.create_task(self._send(self._ack_with_payload("release", claim))))
        for task in self._runs:
            task.cancel()
        if sending:
            done, late = await asyncio.wait(sending, timeout=_CLOSE_TIMEOUT_S)
            self.counts.released += sum(task.result() for task in done)
            for unsent in late:
                unsent.cancel()

    @override
    async def close(self) -> None:
        """Stop as on SIGTERM, and close every connection; leases that could not be released expire."""
        if self._stopping is None:
            self.handle_sig(SIGUSR1)
        if self._stopping is not None:
            await self._stopping
        running = {task for task in (*self._runs, self.main_task) if task is not None}
        if running:
            await asyncio.wait(running, timeout=_CLOSE_TIMEOUT_S)
        await self._close_helpers()
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

    async def _close_helpers(self) -> None:
        if self._heartbeat is not None:
            await self._heartbeat.stop()
        if self._wakeup is not None:
            await self._wakeup.close()
        if self._acks is not None:
            await self._acks.close(_CLOSE_TIMEOUT_S)
