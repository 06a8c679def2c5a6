"""Quarantine of poison jobs, the worker's half: which job runs alone, and what becomes of a dead letter.

`quarantine.lua` decides; the names of its stored fields are explained in `keys.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable

import redis.asyncio

from aether.leased_queue import keys
from aether.leased_queue.ack_buffer import Ack
from aether.leased_queue.leases import Claim, RunMode
from aether.leased_queue.scripts import Script, lua_source

_logger = logging.getLogger(__name__)
_HOOK_RETRY_S = 1.0
_REASON = "The job ended its worker's process every time it ran, at last while it ran alone."
_RESET = Script(lua_source() + "reset_delivery_count(ARGV[1]) return 1")
_REDRIVE = Script(
    lua_source()
    + """
local payload = redis.call('GET', DEAD_LETTER .. ARGV[2])
return payload and enqueue(ARGV[1], ARGV[2], payload, ARGV[3], 0) and 1 or 0
"""
)

DeadLetterHook = Callable[[str, str], Awaitable[None]]


class Quarantine:
    """The quarantined job that a worker holds, if any: the worker starts nothing beside it.

    `send` sends an ack to the queue.
    """

    def __init__(self, send: Callable[[Ack], Awaitable[bool]]) -> None:
        self.on_dead_letter: DeadLetterHook | None = None
        self._send = send
        self._claim: Claim | None = None

    @property
    def is_occupied(self) -> bool:
        """Whether the worker must not claim any job now."""
        return self._claim is not None

    def admit(self, claim: Claim) -> None:
        """Reserve the worker for a claim if its job is quarantined."""
        if claim.run_mode in {RunMode.WAIT, RunMode.ALONE}:
            self._claim = claim

    def discharge(self, claim: Claim) -> None:
        """Free the worker, if it is reserved for this claim."""
        if self._claim is claim:
            self._claim = None

    def on_progress(self, claim: Claim) -> None:
        """Let other jobs run beside the claim: the delivery count of its job was reset."""
        claim.run_mode = RunMode.NORMAL
        self.discharge(claim)

    async def wait_until_alone(self, claim: Claim, runs: Collection[asyncio.Task[None]]) -> None:
        """Wait until all other runs of the worker have ended, if the claim asks for that."""
        if claim.run_mode is not RunMode.WAIT:
            return
        while others := [run for run in runs if run is not claim.task]:
            await asyncio.wait(others)
        await self._send(Ack("begin_alone", claim))
        claim.run_mode = RunMode.ALONE

    async def call_hook(self, job_id: str) -> None:
        """Call `on_dead_letter` until it succeeds."""
        while self.on_dead_letter is not None:
            try:
                await self.on_dead_letter(job_id, _REASON)
                break
            except Exception:
                _logger.warning("job %s could not be condemned yet", job_id, exc_info=True)
            await asyncio.sleep(_HOOK_RETRY_S)


def runs_alone(claims: Iterable[Claim]) -> str:
    """Return the id of the job that runs alone, or an empty text."""
    return next((claim.job_id for claim in claims if claim.run_mode is RunMode.ALONE), "")


async def reset_delivery_count(client: redis.asyncio.Redis, job_id: str) -> None:
    """Record that a job made progress: deaths of its earlier workers no longer count, and it leaves quarantine."""
    await _RESET.run(client, [job_id])


async def redrive(
    client: redis.asyncio.Redis, queue: str, job_id: str, *, payload_ttl_ms: int = keys.PAYLOAD_MS
) -> bool:
    """Enqueue a dead letter again, with a delivery count of zero; return False if none of this id is kept."""
    return bool(await _REDRIVE.run(client, [queue, job_id, payload_ttl_ms]))
