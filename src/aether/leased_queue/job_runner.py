"""Job runner: runs claimed jobs, and acknowledges, loses or restores their claims."""

import asyncio
import logging
import os
import secrets
import socket
from dataclasses import dataclass
from typing import Any, ClassVar

from arq.utils import timestamp_ms, to_ms
from arq.worker import Worker
from typing_extensions import override

from aether.leased_queue.ack_buffer import Ack, AckBuffer, Verb
from aether.leased_queue.exception_barrier import guard_functions, guard_hook
from aether.leased_queue.heartbeat import LeaseEvent
from aether.leased_queue.leases import Claim, RunMode, current_claim
from aether.leased_queue.quarantine import Quarantine
from aether.leased_queue.scripts import QueueScripts

_logger = logging.getLogger(__name__)
_BACKOFF_S = 0.1
_MAX_BACKOFF_S = 2.0


@dataclass(slots=True)
class WorkerCounters:
    """How often something happened since the worker started."""

    claimed: int = 0
    finished: int = 0
    lost: int = 0  # claims that another worker took over, or whose job was withdrawn
    refused: int = 0  # runs that ended without a valid claim
    dead_letters: int = 0
    released: int = 0  # claims given back at the shutdown
    restored: int = 0


class JobRunner(Worker):
    """The part of `LeasedWorker` that deals with jobs it has claimed."""

    scripts: ClassVar[QueueScripts] = QueueScripts()

    def __init__(self, *args: Any, **options: Any) -> None:  # arq's own arguments, typed there
        super().__init__(*args, **options)
        self.functions = guard_functions(self.functions)
        self.on_job_end = guard_hook(self.on_job_end)
        self.after_job_end = guard_hook(self.after_job_end)
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.counts = WorkerCounters()
        self.claims: dict[str, Claim] = {}
        self._quarantine = Quarantine(self._send)
        self._wake = asyncio.Event()
        self._awaits_end = True  # whether the end of a run lets the worker claim; else it listens for jobs anyway
        self._runs: set[asyncio.Task[None]] = set()  # `tasks` of arq forgets a run whose job is claimed again
        self._restoring: set[asyncio.Task[None]] = set()
        self._acks: AckBuffer | None = None

    async def _run(self, claim: Claim, earlier: asyncio.Task[Any] | None) -> None:
        current_claim.set(claim)
        if earlier is not None:  # a lost run of the same job that is still being cancelled
            await _wait_until_done(earlier)
        if claim.run_mode is RunMode.DEAD_LETTER:
            await self._end_dead_letter(claim)
            return
        await self._quarantine.wait_until_alone(claim, self._runs)
        await self._run_until_acknowledged(claim)

    async def _run_until_acknowledged(self, claim: Claim) -> None:
        backoff_s = _BACKOFF_S
        while not claim.is_lost and not claim.is_started:
            claim.is_read = False
            try:
                await self.run_job(claim.job_id, claim.claimed_at_ms)
                break
            except Exception:
                # Redis was unreachable, or `on_job_start` raised, before the job began.
                _logger.warning("job %s could not begin", claim.job_id, exc_info=True)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _MAX_BACKOFF_S)
        await self._close_claim(self._ack_with_payload("retry", claim))

    async def _end_dead_letter(self, claim: Claim) -> None:
        await self._quarantine.call_hook(claim.job_id)
        if await self._close_claim(Ack("dead_letter", claim)):
            _logger.error("job %s was condemned", claim.job_id)
            self.counts.dead_letters += 1
            self.jobs_failed += 1

    def _on_run_done(self, claim: Claim, task: asyncio.Task[None]) -> None:
        self.job_counter -= 1
        self._runs.discard(task)
        if self.tasks.get(claim.job_id) is task:
            del self.tasks[claim.job_id]
            self.aborting_tasks.discard(claim.job_id)
        self._forget(claim)
        if self._awaits_end:
            self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("the run of job %s broke", claim.job_id, exc_info=error)

    def _forget(self, claim: Claim) -> None:
        if self.claims.get(claim.job_id) is claim:
            del self.claims[claim.job_id]
        self._quarantine.discharge(claim)

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
        """End a run as arq decided, if its claim is still valid."""
        claim = current_claim.get()
        if not finish:
            # arq passes what to add to the score it was given, by this machine's clock; the queue needs the delay.
            delay_ms = 0 if incr_score is None else incr_score - (timestamp_ms() - claim.claimed_at_ms)
            await self._close_claim(self._ack_with_payload("retry", claim, delay_ms=max(delay_ms, 0)))
            return
        ttl_ms = 0 if keep_result_forever else to_ms(result_timeout_s) or 0
        await self._close_claim(Ack("finish", claim, to_ms(keep_in_progress) or 0, result_data or b"", ttl_ms))

    @override
    async def finish_failed_job(self, job_id: str, result_data: bytes | None) -> None:
        """End a job that could not be run at all."""
        ttl_ms = 0 if self.keep_result_forever else to_ms(self.keep_result_s) or 0
        keep = self.keep_result_forever or ttl_ms > 0
        data = result_data if keep and result_data else b""
        await self._close_claim(Ack("finish", current_claim.get(), data=data, data_ttl_ms=ttl_ms))

    def _ack_with_payload(self, verb: Verb, claim: Claim, delay_ms: int = 0) -> Ack:
        return Ack(verb, claim, delay_ms, claim.payload, self.expires_extra_ms)

    async def _close_claim(self, ack: Ack) -> bool:
        claim = ack.claim
        if claim.is_closing:
            return False
        claim.is_closing = True
        accepted = not claim.is_lost and await self._send(ack)
        self._forget(claim)
        if not accepted:
            self.counts.refused += 1
            _logger.info("job %s: %s came too late, it is withdrawn or another's", claim.job_id, ack.verb)
        elif ack.verb == "finish":
            self.counts.finished += 1
        return accepted

    async def _send(self, ack: Ack) -> bool:
        return self._acks is not None and await self._acks.send(ack)

    def on_lease_event(self, claim: Claim, event: LeaseEvent) -> None:
        """Act on what the heartbeat reported, unless the run has ended in the meantime."""
        if claim.is_closing or self.claims.get(claim.job_id) is not claim:
            return
        if event is LeaseEvent.LOST:
            self._lose(claim)
        elif event is LeaseEvent.MISSING:
            task = self.loop.create_task(self._restore(claim))
            self._restoring.add(task)
            task.add_done_callback(self._restoring.discard)
        elif event is LeaseEvent.ABORTED:
            self._abort(claim.job_id)
        else:
            self._quarantine.on_progress(claim)
            self._wake.set()

    def on_peer_lost(self) -> None:
        """Claim the jobs of a peer at once."""
        self._wake.set()

    def _lose(self, claim: Claim) -> None:
        _logger.warning("job %s was lost to another worker or withdrawn", claim.job_id)
        claim.is_lost = True
        self.counts.lost += 1
        self._forget(claim)
        if claim.task is not None:
            claim.task.cancel()

    async def _restore(self, claim: Claim) -> None:
        if await self._send(self._ack_with_payload("restore", claim)):
            _logger.warning("job %s was written back: Redis had lost it", claim.job_id)
            self.counts.restored += 1

    def _abort(self, job_id: str) -> None:
        if job_id in self.job_tasks and job_id not in self.aborting_tasks:
            self.aborting_tasks.add(job_id)
            self.job_tasks[job_id].cancel()


async def _wait_until_done(earlier: asyncio.Task[Any]) -> None:
    """Wait for the end of a task, even if cancelled: the run after this one waits for the calling task only."""
    try:
        await asyncio.wait({earlier})
    except asyncio.CancelledError:
        await asyncio.wait({earlier})
        raise
