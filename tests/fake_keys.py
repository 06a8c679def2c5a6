"""Fake keys: a key store in memory; the contract tests run over it as over the real one."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from aether.domain.access import ApiKey
from aether.errors import StoreUnavailableError
from aether.identity.api_keys import ApiKeySet


@dataclass
class MemoryKeys:
    """An `ApiKeyStore`; `calls` contains the names of the methods called."""

    stored: ApiKeySet = field(default_factory=ApiKeySet)
    is_unavailable: bool = False
    calls: list[str] = field(default_factory=list)

    async def version(self) -> int:
        await self._answer("version")
        return self.stored.version

    async def load(self) -> ApiKeySet:
        await self._answer("load")
        return self.stored

    async def put(self, key: ApiKey, version: int, drop: Collection[str] = ()) -> bool:
        await self._answer("put")
        if key in self.stored.keys:
            return True
        if version != self.stored.version:
            return False
        others = [each for each in self.stored.keys if each.id not in {key.id, *drop}]
        self.stored = ApiKeySet(version + 1, tuple(sorted([*others, key], key=lambda each: (each.created_at, each.id))))
        return True

    async def _answer(self, method: str) -> None:
        self.calls.append(method)
        await asyncio.sleep(0)
        if self.is_unavailable:
            raise StoreUnavailableError("away")
