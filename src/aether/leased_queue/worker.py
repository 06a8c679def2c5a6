"""Leased worker: an arq worker that is woken instead of polling, and holds its jobs by leases."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import redis.asyncio
from arq.connections import create_pool, log_redis_info
from arq.typing import WorkerCoroutine, WorkerSettingsType
from arq.worker import Function, get_kwargs
from typing_extensions import override

from aether.leased_queue import serializer
from aether.leased_queue.ack_buffer import AckBuffer
from aether.leased_queue.claim_reader import WorkerRedis
from aether.leased_queue.connections import (
    UNREACHABLE,
    blocking_client,
    close_idle,
    harden,
    thread_client,
)
from aether.leased_queue.graceful_shutdown import GracefulRunner
from aether.leased_queue.heartbeat import Heartbeat, HeartbeatOptions
from aether.leased_queue.leases import Claim, parse_claim_batch
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.quarantine import DeadLetterHook
from aether.leased_queue.scripts import Argument, Script, lua_source
from aether.leased_queue.wakeup import Wakeup

_logger = logging.getLogger(__name__)
_CLAIM_LIMIT = 100  # a script blocks the whole server
_COMMAND_TIMEOUT_S = 2.5
_OUTAGE_RETRY_S = 0.1
_SHORTEST_WAIT_S = 0.01  # 0 would mean forever to BLPOP
_WAKE_WORKER = Script(lua_source() + "wake_worker(ARGV[1])")


class LeasedWorker(GracefulRunner):
    """`arq.Worker` with leases.

    Its `poll_delay` is how long a job may wait that plain arq has enqueued, which does not wake workers.

    Args:
        functions: As for `arq.Worker`.
        lease: How long a worker keeps a job after its last heartbeat.
        heartbeat_interval: How often leases are extended. A worker that has just reached Redis also waits this long
            before it takes over jobs, so that their workers can extend their leases first.
        shutdown_grace: How long running jobs may go on after the first SIGTERM or SIGINT, or `close()`. Jobs that are
            left then go back to the queue, and no attempt is counted. A second signal ends the wait.
        stall_limit: How long the event loop may be blocked before the worker stops extending its leases.
        peer_interval: How often the worker looks whether the connections of its peers are open. The jobs of a worker
            that has died are taken over after this time and a quarter of a second, not when their leases expire.
        redis_pool: A client whose connections the worker uses, and closes at the end.
        on_dead_letter: Called with job id and reason before a job that keeps killing its workers becomes a dead letter;
            repeated until it succeeds.
        arq_options: As for `arq.Worker`; payloads are msgpack unless `job_serializer` and `job_deserializer` say
            otherwise.
    """

    def __init__(  # noqa: PLR0913 - one for each setting
        self,
        functions: Sequence[Function | WorkerCoroutine] = (),
        *,
        lease: timedelta = timedelta(seconds=4),
        heartbeat_interval: timedelta = timedelta(seconds=1),
        shutdown_grace: timedelta = timedelta(seconds=5),
        stall_limit: timedelta = timedelta(seconds=30),
        peer_interval: timedelta = timedelta(seconds=0.5),
        redis_pool: redis.asyncio.Redis | None = None,
        on_dead_letter: DeadLetterHook | None = None,
        **arq_options: Any,  # arq's keyword arguments, typed there
    ) -> None:
        arq_options.setdefault("job_serializer", serializer.encode)
        arq_options.setdefault("job_deserializer", serializer.decode)
        own_pool = redis_pool and WorkerRedis(redis_pool.connection_pool)
        super().__init__(functions, redis_pool=own_pool, **arq_options)
        self._quarantine.on_dead_letter = on_dead_letter
        self._lease_s = lease.total_seconds()
        self._heartbeat_interval_s = heartbeat_interval.total_seconds()
        self._grace_s = max(shutdown_grace.total_seconds(), self._job_completion_wait)
        self._stall_limit_s = stall_limit.total_seconds()
        self._peer_interval_s = peer_interval.total_seconds()
        self._fallback_s = max(self.poll_delay_s, _SHORTEST_WAIT_S)
        self._may_take_over_at = 0.0
        self._due_in_s: float | None = None
        self._closing_idle: asyncio.Task[None] | None = None
        self._outage = OutageLog(_logger, "no jobs can be claimed", "jobs can be claimed again")

    @override
    async def main(self) -> None:
        """Run jobs until stopped or, in burst mode, until the queue is empty."""
        self.loop = asyncio.get_running_loop()
        wakeup = await self._open()
        self.ctx["redis"] = self.pool
        if self.on_startup is not None:
            await self.on_startup(self.ctx)
        while not self._stopped.is_set():
            await self._poll_iteration()
            if self.burst and await self._is_burst_over():
                return
            await self._wait(wakeup)

    async def _open(self) -> Wakeup:
        if self._pool is None:
            opened = await create_pool(self.redis_settings)
            self._pool = WorkerRedis(opened.connection_pool)
        pool = self._pool
        pool.default_queue_name = self.queue_name
        pool.job_serializer = self.job_serializer
        pool.job_deserializer = self.job_deserializer
        pool.expires_extra_ms = self.expires_extra_ms
        await pool.connection_pool.disconnect(inuse_connections=False)
        harden(pool, _COMMAND_TIMEOUT_S)
        names = ", ".join(self.functions)
        _logger.info("Starting worker for %d functions: %s (%s)", len(self.functions), names, self.worker_id)
        with contextlib.suppress(*UNREACHABLE):  # Redis may be unreachable, and fakeredis has no INFO
            await log_redis_info(pool, _logger.info)
        self._may_take_over_at = self.loop.time() + self._heartbeat_interval_s
        return self._open_helpers()

    def _open_helpers(self) -> Wakeup:
        client = blocking_client(self.pool, f"{self.worker_id}:bell", self._fallback_s + _COMMAND_TIMEOUT_S)
        self._wakeup = Wakeup(client, self.queue_name, self._fallback_s)
        self._acks = AckBuffer(self.pool, self.scripts.ack, self.queue_name, int(self._lease_s * 1000))
        options = HeartbeatOptions(
            self.queue_name,
            self.worker_id,
            self._lease_s,
            self._heartbeat_interval_s,
            self._stall_limit_s,
            self.allow_abort_jobs,
            self._peer_interval_s,
        )
        heartbeat_client = thread_client(self.pool, f"{self.worker_id}:heart", self._heartbeat_interval_s)
        self._heartbeat = Heartbeat(heartbeat_client, self.scripts, options, self)
        self._heartbeat.start()
        return self._wakeup

    @override
    async def _poll_iteration(self) -> None:
        self._wake.clear()
        try:
            await self.heart_beat()  # arq's: cron jobs and the health record
            self._due_in_s = await self._claim()
        except UNREACHABLE as error:
            self._outage.failed(error)
            self.on_outage()
            self._due_in_s = _OUTAGE_RETRY_S

    async def _claim(self) -> float | None:
        limit = self._free_slots()
        if limit <= 0:
            return None
        lease_ms, takeover_delay_ms = int(self._lease_s * 1000), int(self._heartbeat_interval_s * 1000)
        may_take_over = self.loop.time() >= self._may_take_over_at
        arguments: list[Argument] = [self.queue_name, self.worker_id, limit, lease_ms, self.job_counter]
        arguments += [int(may_take_over), takeover_delay_ms]
        batch = parse_claim_batch(await self.scripts.claim.run(self.pool, arguments))
        self._outage.recovered()
        for claim in batch.claims:
            self._start(claim)
        return batch.due_in_s

    def _free_slots(self) -> int:
        if not self.allow_pick_jobs or self._quarantine.is_occupied:
            return 0
        slots = min(self.max_jobs - self.job_counter, self.queue_read_limit, _CLAIM_LIMIT)
        if self.burst and self.max_burst_jobs >= 0:
            slots = min(slots, self.max_burst_jobs - self._jobs_started())
        return slots

    def _start(self, claim: Claim) -> None:
        previous = self.claims.get(claim.job_id)
        if previous is not None and not previous.is_closing:  # enqueued again before the heartbeat reported the loss
            self._lose(previous)
        self.counts.claimed += 1
        self.job_counter += 1
        self._quarantine.admit(claim)
        self.claims[claim.job_id] = claim
        earlier = self.tasks.get(claim.job_id)
        claim.task = self.tasks[claim.job_id] = self.loop.create_task(self._run(claim, earlier))
        self._runs.add(claim.task)
        claim.task.add_done_callback(partial(self._on_run_done, claim))

    def on_outage(self) -> None:
        """Take over no job until other workers could extend their leases, and close the idle connections."""
        self._may_take_over_at = self.loop.time() + self._heartbeat_interval_s
        if self._closing_idle is None or self._closing_idle.done():
            self._closing_idle = self.loop.create_task(close_idle(self.pool))

    async def _wait(self, wakeup: Wakeup) -> None:
        has_slots = self._free_slots() > 0
        if has_slots and self._due_in_s == 0:
            return
        self._awaits_end = self.burst or not has_slots
        timeout_s = self._due_in_s if has_slots else self._fallback_s
        has_token = await wakeup.wait(timeout_s, self._wake, listen=has_slots)
        if has_token and self._free_slots() <= 0:
            with contextlib.suppress(*UNREACHABLE):
                await _WAKE_WORKER.run(self.pool, [self.queue_name])

    async def _is_burst_over(self) -> bool:
        with contextlib.suppress(*UNREACHABLE):
            if 0 <= self.max_burst_jobs <= self._jobs_started() or await self.pool.zcard(self.queue_name) == 0:
                await asyncio.gather(*self.tasks.values())
                return True
        return False


def create_worker(settings_cls: WorkerSettingsType, **overrides: Any) -> LeasedWorker:
    """Return a worker from a class of attributes, as `arq.worker.create_worker` does; `overrides` win."""
    attributes = settings_cls if isinstance(settings_cls, dict) else vars(settings_cls)
    own = {"lease", "heartbeat_interval", "shutdown_grace", "stall_limit", "peer_interval", "on_dead_letter"}
    options: dict[str, Any] = get_kwargs(settings_cls) | {k: v for k, v in attributes.items() if k in own}
    return LeasedWorker(**(options | overrides))
