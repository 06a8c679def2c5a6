"""Text on its way from a worker, while a model writes it, to whoever watches: told, but never stored."""

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

_PAUSE_S = 0.05
_LAST_S = 0.25  # for the last piece of a step, which has to wait for it
_LONGEST = 16_384  # characters that are joined to one piece

_encoder = msgspec.json.Encoder()


def merged(earlier: Delta | None, later: Delta) -> Delta:
    """Return both pieces in one if the later goes on where the earlier ends, else the later alone."""
    if earlier is None or earlier.attempt != later.attempt:
        return later
    length = len(earlier.text)
    if earlier.offset + length != later.offset or length + len(later.text) > _LONGEST:
        return later
    return Delta(later.step, later.attempt, earlier.offset, earlier.text + later.text)


class DeltaPublisher:
    """The `TokenChannel` on Redis: publishes what models write, in the background from `async with` on.

    At most 20 pieces a second for each step, and its last one; one round trip for those of all steps. What cannot be
    told within the client's own timeouts is dropped: the step's result will be the whole text.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._pending: dict[tuple[str, str], Delta] = {}
        self._stirred = asyncio.Event()
        self._sending = asyncio.Lock()
        self._background = BackgroundTasks(self._publish)

    def publish(self, job_id: str, delta: Delta) -> None:
        """Tell whoever watches the job, soon; never waits and never fails."""
        key = (job_id, delta.step)
        self._pending[key] = merged(self._pending.get(key), delta)
        self._stirred.set()

    async def flush(self, job_id: str, step: str) -> None:
        """Tell what is left of a step, behind what is under way."""
        key = (job_id, step)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S), self._sending:
                if key in self._pending:
                    await self._send({key: self._pending.pop(key)})
        self._pending.pop(key, None)

    async def _publish(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            async with self._sending:
                pending, self._pending = self._pending, {}
                await self._send(pending)
            await asyncio.sleep(_PAUSE_S)

    async def _send(self, pieces: Mapping[tuple[str, str], Delta]) -> None:
        with suppress(*UNREACHABLE):
            async with self._client.pipeline(transaction=False) as pipeline:
                for (job_id, _), delta in pieces.items():
                    pipeline.publish(TEXTS + job_id, _encoder.encode(delta))
                await pipeline.execute()

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._background.__aexit__()
