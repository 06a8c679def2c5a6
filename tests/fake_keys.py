"""Keys in a tuple; the same contract tests run over them and over the real ones."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from aether.domain.access import ApiKey
from aether.errors import StoreUnavailableError
from aether.identity.api_keys import ApiKeySet


@dataclass
class MemoryKeys:
    """A `KeyStore`; `asked` names the method of each call."""

    held: ApiKeySet = field(default_factory=ApiKeySet)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def version(self) -> int:
        await self._answer("version")
        return self.held.version

    async def load(self) -> ApiKeySet:
        await self._answer("load")
        return self.held

    async def put(self, key: ApiKey, version: int, drop: Collection[str] = ()) -> bool:
        await self._answer("put")
        if key in self.held.keys:
            return True
        if version != self.held.version:
            return False
        others = [each for each in self.held.keys if each.id not in {key.id, *drop}]
        self.held = ApiKeySet(version + 1, tuple(sorted([*others, key], key=lambda each: (each.created_at, each.id))))
        return True

    async def _answer(self, method: str) -> None:
        self.asked.append(method)
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailableError("away")
