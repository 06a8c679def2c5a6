"""The doorbell: how an idle worker hears of work at once without asking for it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import redis.asyncio

from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.keys import BELL_SUFFIX

_PAUSE_S = 0.1


class Wakeup:
    """Waits on the bell list over a connection of its own.

    The blocking command outlives a wait that ends early: giving it up would cost a reconnect, and perhaps the token.
    """

    def __init__(self, client: redis.asyncio.Redis, queue: str, fallback_s: float) -> None:
        self._client = client
        self._key = queue + BELL_SUFFIX
        self._fallback_s = fallback_s
        self._listening: asyncio.Task[bool] | None = None

    async def wait(self, timeout_s: float | None, wake: asyncio.Event, *, listen: bool) -> bool:
        """Return on a ring, on `wake`, after `timeout_s` or after the fallback; True if it was a ring.

        With `listen` off no new blocking command is sent; one that is under way may still take a ring.
        """
        if listen and self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        waking = asyncio.create_task(wake.wait())
        waited = {waking} if self._listening is None else {waking, self._listening}
        try:
            await asyncio.wait(waited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        if self._listening is None or not self._listening.done():
            return False
        rang, self._listening = self._listening.result(), None
        return rang

    async def _listen(self) -> bool:
        # redis-py's own `blpop` is typed for whole seconds
        send: Callable[..., Awaitable[object]] = self._client.execute_command
        try:
            return await send("BLPOP", self._key, self._fallback_s) is not None
        except UNREACHABLE:
            # The claim that follows meets the same fault, and reports it.
            await asyncio.sleep(_PAUSE_S)
            return False

    async def close(self) -> None:
        """Stop listening and close the connection."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self._client.aclose()
