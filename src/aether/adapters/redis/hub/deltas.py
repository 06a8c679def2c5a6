"""Deltas: publishing the text that a model writes, piece by piece, to its readers; deltas are not stored."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

import msgspec
from redis.asyncio import Redis

from aether.adapters.redis.keys import TEXTS
from aether.durable.background import BackgroundTasks
from aether.durable.change_hub import Delta
from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.key_names import key_name

_INTERVAL_S = 0.05
_FLUSH_TIMEOUT_S = 0.25  # a step waits for its last delta
_MAX_CHARS = 16_384  # of a merged delta

_encoder = msgspec.json.Encoder()


def merge_deltas(earlier: Delta | None, later: Delta) -> Delta:
    """Return both deltas as one if the later continues the earlier, else the later alone."""
    if earlier is None or earlier.attempt != later.attempt:
        return later
    length = len(earlier.text)
    if earlier.offset + length != later.offset or length + len(later.text) > _MAX_CHARS:
        return later
    return Delta(later.step, later.attempt, earlier.offset, earlier.text + later.text)


class DeltaPublisher:
    """The `TokenChannel` on Redis; it publishes in the background while its `async with` block lasts.

    It publishes at most 20 deltas a second for each step, and the last one; the deltas of all steps share a round trip.
    Deltas that cannot be sent within the client's timeouts are dropped: the step's result will have the whole text.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._pending: dict[tuple[str, str], Delta] = {}
        self._has_pending = asyncio.Event()
        self._send_lock = asyncio.Lock()
        self._background = BackgroundTasks(self._publish)

    def publish(self, job_id: str, delta: Delta) -> None:
        """Publish the delta soon; never waits and never fails."""
        key = (job_id, delta.step)
        self._pending[key] = merge_deltas(self._pending.get(key), delta)
        self._has_pending.set()

    async def flush(self, job_id: str, step: str) -> None:
        """Publish what is left of a step, after what is being sent."""
        key = (job_id, step)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_TIMEOUT_S), self._send_lock:
                if key in self._pending:
                    await self._send({key: self._pending.pop(key)})
        self._pending.pop(key, None)

    async def _publish(self) -> None:
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            async with self._send_lock:
                pending, self._pending = self._pending, {}
                await self._send(pending)
            await asyncio.sleep(_INTERVAL_S)

    async def _send(self, deltas: Mapping[tuple[str, str], Delta]) -> None:
        with suppress(*UNREACHABLE):
            async with self._client.pipeline(transaction=False) as pipeline:
                for (job_id, _), delta in deltas.items():
                    pipeline.publish(key_name(self._client, TEXTS, job_id), _encoder.encode(delta))
                await pipeline.execute()

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._background.__aexit__()
