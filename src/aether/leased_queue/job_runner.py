"""How a claimed job is run, and what becomes of its claim."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from arq.utils import timestamp_ms, to_ms
from arq.worker import Worker
from typing_extensions import override

from aether.leased_queue.ack_buffer import Ack, AckBuffer, Verb
from aether.leased_queue.exception_barrier import guard_functions, guard_hook
from aether.leased_queue.heartbeat import Finding
from aether.leased_queue.leases import Claim, RunMode, current_claim
from aether.leased_queue.scripts import QueueScripts

_logger = logging.getLogger(__name__)
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_CONDEMNED = "The job ended its worker's process every time it ran, at last while it ran alone."


@dataclass(slots=True)
class WorkerCounters:
    """What a worker has seen since it started."""

    claimed: int = 0
    finished: int = 0
    lost: int = 0  # leases that another took or whose job was withdrawn
    refused: int = 0  # ends of runs whose lease was lost
    condemned: int = 0
    handed_back: int = 0
    restored: int = 0


class JobRunner(Worker):
    """The part of `LeasedWorker` that deals with jobs it has claimed."""

    scripts: ClassVar[QueueScripts] = QueueScripts()

    def __init__(self, *args: Any, **options: Any) -> None:  # arq's own arguments, typed there
        super().__init__(*args, **options)
        self.functions = guard_functions(self.functions)
        self.on_job_end = guard_hook(self.on_job_end)
        self.after_job_end = guard_hook(self.after_job_end)
        self.on_condemned: Callable[[str, str], Awaitable[None]] | None = None
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.counts = WorkerCounters()
        self.claims: dict[str, Claim] = {}
        self._lone: Claim | None = None
        self._wake = asyncio.Event()
        self._runs: set[asyncio.Task[None]] = set()  # `tasks` of arq forgets a run whose job is claimed again
        self._restoring: set[asyncio.Task[None]] = set()
        self._outbox: AckBuffer | None = None

    async def _run(self, claim: Claim, earlier: asyncio.Task[Any] | None) -> None:
        current_claim.set(claim)
        if earlier is not None:  # a lost run of the same job still unwinds
            await _outlast(earlier)
        if claim.run_mode is RunMode.HELD:
            await self._isolate(claim)
        if claim.run_mode is RunMode.CONDEMNED:
            await self._condemn(claim)
        else:
            await self._run_until_settled(claim)

    async def _isolate(self, claim: Claim) -> None:
        while others := [task for task in self._runs if task is not claim.task]:
            await asyncio.wait(others)
        await self._send(Ack("isolate", claim))
        claim.run_mode = RunMode.ALONE

    async def _run_until_settled(self, claim: Claim) -> None:
        claim.begun = True
        pause_s = _PAUSE_S
        while not claim.lost and not claim.started:
            try:
                await self.run_job(claim.job_id, claim.taken_at_ms)
                break
            except Exception:
                # Redis went away, or `on_job_start` raised, before the job began. Each attempt counts as a try.
                _logger.warning("job %s could not begin", claim.job_id, exc_info=True)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        await self._settle(self._return(claim))

    async def _condemn(self, claim: Claim) -> None:
        while self.on_condemned is not None:
            try:
                await self.on_condemned(claim.job_id, _CONDEMNED)
                break
            except Exception:
                _logger.warning("job %s could not be condemned yet", claim.job_id, exc_info=True)
            await asyncio.sleep(_LONGEST_PAUSE_S / 2)
        if await self._settle(Ack("condemn", claim)):
            _logger.error("job %s was condemned", claim.job_id)
            self.counts.condemned += 1
            self.jobs_failed += 1

    def _ended(self, claim: Claim, task: asyncio.Task[None]) -> None:
        self.job_counter -= 1
        self._runs.discard(task)
        if self.tasks.get(claim.job_id) is task:
            del self.tasks[claim.job_id]
            self.aborting_tasks.discard(claim.job_id)
        self._forget(claim)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("the run of job %s broke", claim.job_id, exc_info=error)

    def _forget(self, claim: Claim) -> None:
        if self.claims.get(claim.job_id) is claim:
            del self.claims[claim.job_id]
        if self._lone is claim:
            self._lone = None

    @override
    async def finish_job(
        self,
        job_id: str,
        finish: bool,
        result_data: bytes | None,
        result_timeout_s: float | None,
        keep_result_forever: bool,
        incr_score: int | None,
        keep_in_progress: float | None,
    ) -> None:
        """End a run as arq decided, if the claim behind it is still valid."""
        claim = current_claim.get()
        if not finish:
            # arq hands over what to add to the score it was given, by this machine's clock; the queue wants the delay.
            delay_ms = 0 if incr_score is None else incr_score - (timestamp_ms() - claim.taken_at_ms)
            await self._settle(self._return(claim, delay_ms=max(delay_ms, 0)))
            return
        ttl_ms = 0 if keep_result_forever else to_ms(result_timeout_s) or 0
        await self._settle(Ack("finish", claim, to_ms(keep_in_progress) or 0, result_data or b"", ttl_ms))

    @override
    async def finish_failed_job(self, job_id: str, result_data: bytes | None) -> None:
        """End a job that could not be run at all."""
        ttl_ms = 0 if self.keep_result_forever else to_ms(self.keep_result_s) or 0
        keep = self.keep_result_forever or ttl_ms > 0
        data = result_data if keep and result_data else b""
        await self._settle(Ack("finish", current_claim.get(), data=data, data_ttl_ms=ttl_ms))

    def _return(self, claim: Claim, verb: Verb = "retry", delay_ms: int = 0) -> Ack:
        return Ack(verb, claim, delay_ms, claim.payload, self.expires_extra_ms)

    async def _settle(self, order: Ack) -> bool:
        claim = order.claim
        if claim.settling:
            return False
        claim.settling = True
        accepted = not claim.lost and await self._send(order)
        self._forget(claim)
        if not accepted:
            self.counts.refused += 1
            _logger.info("job %s: %s came too late, it is withdrawn or another's", claim.job_id, order.verb)
        elif order.verb == "finish":
            self.counts.finished += 1
        return accepted

    async def _send(self, order: Ack) -> bool:
        return self._outbox is not None and await self._outbox.send(order)

    def on_finding(self, claim: Claim, finding: Finding) -> None:
        """Act on what the heartbeat saw, unless the run has ended in the meantime."""
        if claim.settling or self.claims.get(claim.job_id) is not claim:
            return
        if finding is Finding.LOST:
            self._lose(claim)
        elif finding is Finding.MISSING:
            task = self.loop.create_task(self._restore(claim))
            self._restoring.add(task)
            task.add_done_callback(self._restoring.discard)
        elif finding is Finding.ABORTED:
            self._abort(claim.job_id)
        else:
            claim.run_mode = RunMode.PLAIN
            self._lone = None
            self._wake.set()

    def _lose(self, claim: Claim) -> None:
        _logger.warning("job %s was lost to another worker or withdrawn", claim.job_id)
        claim.lost = True
        self.counts.lost += 1
        self._forget(claim)
        if claim.task is not None:
            claim.task.cancel()

    async def _restore(self, claim: Claim) -> None:
        if await self._send(self._return(claim, "restore")):
            _logger.warning("job %s was written back: Redis had lost it", claim.job_id)
            self.counts.restored += 1

    def _abort(self, job_id: str) -> None:
        if job_id in self.job_tasks and job_id not in self.aborting_tasks:
            self.aborting_tasks.add(job_id)
            self.job_tasks[job_id].cancel()


async def _outlast(earlier: asyncio.Task[Any]) -> None:
    """Wait for a task's end even if cancelled meanwhile: whoever comes next waits for the calling task alone."""
    try:
        await asyncio.wait({earlier})
    except asyncio.CancelledError:
        await asyncio.wait({earlier})
        raise
