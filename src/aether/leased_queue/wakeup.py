"""Wakeup of an idle worker: it hears of a new job at once, without polling."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import redis.asyncio

from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.keys import WAKEUP_SUFFIX

_RETRY_S = 0.1


class Wakeup:
    """Waits for a token in the wake-up list, over a connection of its own.

    The blocking command goes on after a wait that ends early: cancelling it would cost a reconnect, perhaps the token.
    """

    def __init__(self, client: redis.asyncio.Redis, queue: str, fallback_s: float) -> None:
        self._client = client
        self._key = queue + WAKEUP_SUFFIX
        self._fallback_s = fallback_s
        self._listening: asyncio.Task[bool] | None = None

    async def wait(self, timeout_s: float | None, wake: asyncio.Event, *, listen: bool) -> bool:
        """Return on a token, on `wake`, after `timeout_s` or after the fallback; True if a token was taken.

        Without `listen` no new blocking command is sent; one that was sent before may still take a token.
        """
        if listen and self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        waker = asyncio.create_task(wake.wait())
        waited = {waker} if self._listening is None else {waker, self._listening}
        try:
            await asyncio.wait(waited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
        if self._listening is None or not self._listening.done():
            return False
        has_token, self._listening = self._listening.result(), None
        return has_token

    async def _listen(self) -> bool:
        # redis-py's own `blpop` is typed for integer seconds
        send: Callable[..., Awaitable[object]] = self._client.execute_command
        try:
            return await send("BLPOP", self._key, self._fallback_s) is not None
        except UNREACHABLE:
            # The claim that follows fails in the same way, and logs it.
            await asyncio.sleep(_RETRY_S)
            return False

    async def close(self) -> None:
        """Stop listening and close the connection."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self._client.aclose()
