"""Ack buffer: sends a worker's acks in order and in batches, and repeats them until Redis has them."""

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import redis.asyncio

from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.leases import Claim
from aether.leased_queue.outage_log import OutageLog
from aether.leased_queue.scripts import Argument, Script

_logger = logging.getLogger(__name__)
_BATCH = 128  # a script blocks the whole server
_RETRY_S = 0.1

Verb = Literal["finish", "retry", "release", "restore", "begin_alone", "dead_letter"]


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledgement of a claim; `ack.lua` says what each field means to each verb."""

    verb: Verb
    claim: Claim
    delay_ms: int = 0
    data: bytes = b""
    data_ttl_ms: int = 0

    def arguments(self) -> list[Argument]:
        """Return its seven arguments of the script."""
        claim = self.claim
        return [self.verb, claim.job_id, claim.token, claim.score, self.delay_ms, self.data, self.data_ttl_ms]


class AckBuffer:
    """Sends the acks of all jobs of a worker.

    The order matters: a job that Redis lost must be restored before it is finished, never after.
    """

    def __init__(self, client: redis.asyncio.Redis, script: Script, queue: str, lease_ms: int) -> None:
        self._client = client
        self._script = script
        self._first_arguments: list[Argument] = [queue, lease_ms]
        self._pending: deque[tuple[Ack, asyncio.Future[bool]]] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._outage = OutageLog(_logger, "orders wait for Redis", "orders are sent again")

    async def send(self, ack: Ack) -> bool:
        """Return whether the queue accepted the ack; False means that its claim is no longer valid."""
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending.append((ack, accepted))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())
        return await accepted

    async def _send_all(self) -> None:
        await asyncio.sleep(0)  # acks of this turn of the event loop join the batch
        while self._pending:
            batch = list(islice(self._pending, _BATCH))
            replies = await self._send_batch([ack for ack, _ in batch])
            for (_, accepted), reply in zip(batch, replies, strict=True):
                self._pending.popleft()
                if not accepted.done():
                    accepted.set_result(reply)

    async def _send_batch(self, acks: list[Ack]) -> list[bool]:
        arguments = self._first_arguments + [argument for ack in acks for argument in ack.arguments()]
        while True:
            try:
                replies: list[int] = await self._script.run(self._client, arguments)
            except UNREACHABLE as error:
                self._outage.failed(error)
                await asyncio.sleep(_RETRY_S)
            else:
                self._outage.recovered()
                return [reply == 1 for reply in replies]

    async def close(self, timeout_s: float) -> None:
        """Send what is pending, for at most `timeout_s`; the rest counts as not accepted."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=timeout_s)
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender
        while self._pending:
            _, accepted = self._pending.popleft()
            if not accepted.done():
                accepted.set_result(False)
