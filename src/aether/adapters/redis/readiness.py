"""Readiness of the store: whether it accepts writes, keeps what it has accepted, and is used by a worker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from aether.adapters.redis.errors import UNREACHABLE, find_fault
from aether.adapters.redis.keys import READY, READY_MS
from aether.adapters.redis.server_check import ServerReport
from aether.adapters.redis.worker_registry import count_workers
from aether.leased_queue.key_names import key_name, key_prefix
from aether.setting_types import Durability

_ANSWER_S = 3.0
_CACHE_S = 1.0


class ReadinessProbe:
    """Probes the store when it is called, but not more often than once a second, however many callers there are.

    It writes as a job does, since a Redis that is full, cannot write to its disk or is a replica still answers.
    """

    def __init__(
        self,
        client: Redis,
        *,
        allow_eviction: bool,
        durable: Durability = "memory",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._client = client
        self._allow_eviction = allow_eviction
        self._durable = durable
        self._now = clock or asyncio.get_running_loop().time
        self._lock = asyncio.Lock()
        self._probed_at = float("-inf")
        self._missing: str | None = None

    async def __call__(self) -> str | None:
        """Return what is missing, as a sentence without its full stop, or None if jobs can be done."""
        async with self._lock:
            if self._now() - self._probed_at >= _CACHE_S:
                self._missing = await self._probe()
                self._probed_at = self._now()
            return self._missing

    async def _probe(self) -> str | None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._find_fault() or await self._find_worker()
        except TimeoutError:
            return UNREACHABLE
        except (RedisError, OSError) as error:
            fault = find_fault(error)
            if fault is None:
                raise
            return fault

    async def _find_fault(self) -> str | None:
        write: Awaitable[object] = self._client.set(key_name(self._client, READY), "1", px=READY_MS)
        info, written = await asyncio.gather(self._client.info(), write, return_exceptions=True)
        if isinstance(written, BaseException):
            raise written
        return self._refusal(info)

    def _refusal(self, info: Any) -> str | None:  # Any: as redis-py parses INFO, or its error
        if isinstance(info, ResponseError):  # not everybody may send INFO
            return None
        if isinstance(info, BaseException):
            raise info
        report = ServerReport.parse(info)
        refusal = report.refusal(
            allow_eviction=self._allow_eviction, durable=self._durable, key_prefix=key_prefix(self._client)
        )
        return refusal or report.outage(self._durable)

    async def _find_worker(self) -> str | None:
        return None if await count_workers(self._client) else "no worker was seen lately"
