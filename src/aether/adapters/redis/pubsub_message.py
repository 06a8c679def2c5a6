"""Pub-sub message: the next one of a subscription, or a sign that its connection is broken."""

from typing import Any

from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeoutError


async def next_message(channel: PubSub, silence_s: float) -> dict[str, Any]:  # redis-py's own form
    """Return the next message; after each `silence_s` without one the server is pinged.

    Not `listen`: with a socket_timeout it takes silence for a broken connection, and without one it never notices a
    half-open connection. Messages that redis-py ignores, such as the answer to SUBSCRIBE, arrive as None too.

    Raises:
        RedisTimeoutError: the server answered no ping.
    """
    for _ in range(3):
        message: dict[str, Any] | None = await channel.get_message(timeout=silence_s)
        if message is not None:
            return message
        await channel.ping()
    raise RedisTimeoutError
