"""The service as the tools meet it: whole, and for those who have a key."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis

from aether.adapters.redis.api_keys import RedisApiKeyStore
from aether.domain.access import Scope
from aether.durable.clock import SystemClock
from aether.identity.api_keys import ApiKeys
from tests.service.stack import Stack


class Service:
    """API, workers, Valkey and scripted model, with a key that may do everything."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.url.rstrip("/")
        self.key = asyncio.run(_new_key(stack.valkey.url))
        stack.http.headers["Authorization"] = f"Bearer {self.key}"

    @property
    def environment(self) -> dict[str, str]:
        """Where it is, as the clients are told."""
        return {"AETHER_URL": self.url, "AETHER_KEY": self.key}


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Start the service; it has ended when the block has."""
    with Stack(folder) as stack:
        for worker in [stack.start_worker(), stack.start_worker()]:
            stack.ready(worker)
        yield Service(stack)


async def _new_key(redis_url: str) -> str:
    async with Redis.from_url(redis_url) as client:
        _, secret = await ApiKeys(RedisApiKeyStore(client), SystemClock()).create("acceptance", scopes=[Scope.ADMIN])
    return secret.reveal()
