"""Key names: what precedes the names of all keys of a client, so that they may share one slot of a cluster."""

from typing import Any

import redis.asyncio


class Key(str):
    """The name of a key or channel, or how such names begin; the prefix of the client comes before it."""

    __slots__ = ()


def set_key_prefix(client: redis.Redis | redis.asyncio.Redis, prefix: str) -> None:
    """Let all names of this client, and of others with its pool, begin with this prefix."""
    # The pool, since clients of several classes share it, also those that arq makes.
    client.connection_pool.key_prefix = prefix  # type: ignore[union-attr]  # so that it lives as long as the pool


def key_prefix(client: Any) -> str:  # redis-py has no common type for its clients
    """Return the prefix of a client; the default is none."""
    prefix: str = getattr(client.connection_pool, "key_prefix", "")
    return prefix


def key_name(client: Any, key: Key, rest: str = "") -> str:  # as above
    """Return the whole name of a key."""
    return f"{key_prefix(client)}{key}{rest}"
