"""What a worker has to tell the queue about its jobs: sent in order, in batches, until Redis has it."""

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import redis.asyncio

from aether.leased_queue.connections import UNREACHABLE, leave_replica
from aether.leased_queue.leases import Claim
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.scripts import Argument, Script

_logger = logging.getLogger(__name__)
_BATCH = 128  # a script holds up the whole server
_PAUSE_S = 0.1

Verb = Literal["finish", "retry", "release", "restore", "isolate", "condemn"]


@dataclass(frozen=True, slots=True)
class Ack:
    """One line of `ack.lua`, which says what each field means to each verb."""

    verb: Verb
    claim: Claim
    delay_ms: int = 0
    data: bytes = b""
    data_ttl_ms: int = 0

    def arguments(self) -> list[Argument]:
        """The script's seven arguments."""
        claim = self.claim
        return [self.verb, claim.job_id, claim.token, claim.score, self.delay_ms, self.data, self.data_ttl_ms]


class AckBuffer:
    """One sender for all jobs of a worker.

    Order matters: a job that Redis lost is written back before it is finished, never after.
    """

    def __init__(self, client: redis.asyncio.Redis, script: Script, queue: str, lease_ms: int) -> None:
        self._client = client
        self._script = script
        self._head: list[Argument] = [queue, lease_ms]
        self._waiting: deque[tuple[Ack, asyncio.Future[bool]]] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._outage = OutageLog(_logger, "orders wait for Redis", "orders are sent again")

    async def send(self, order: Ack) -> bool:
        """Return whether the queue accepted the order; False means the claim behind it is no longer valid."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, answer))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return await answer

    async def _send_all(self) -> None:
        await asyncio.sleep(0)  # whatever else ends in this turn of the loop joins the batch
        while self._waiting:
            batch = list(islice(self._waiting, _BATCH))
            accepted = await self._deliver([order for order, _ in batch])
            for (_, answer), yes in zip(batch, accepted, strict=True):
                self._waiting.popleft()
                if not answer.done():
                    answer.set_result(yes)

    async def _deliver(self, orders: list[Ack]) -> list[bool]:
        arguments = self._head + [argument for order in orders for argument in order.arguments()]
        while True:
            try:
                replies: list[int] = await self._script.run(self._client, arguments)
            except UNREACHABLE as error:
                self._outage.met(error)
                await leave_replica(self._client, error)
                await asyncio.sleep(_PAUSE_S)
            else:
                self._outage.over()
                return [reply == 1 for reply in replies]

    async def close(self, timeout_s: float) -> None:
        """Deliver what waits, for at most `timeout_s`; what is left then is not accepted."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=timeout_s)
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
        while self._waiting:
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(False)
