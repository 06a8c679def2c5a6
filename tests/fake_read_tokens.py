"""Fake read tokens: a store of read tokens in memory; the contract tests run over it as over the real one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aether.domain.access import Caller
from aether.domain.job import Kind
from aether.errors import StoreUnavailableError, UnknownJobError
from tests.fakes import MemoryJobStore

MAX_TOKENS = 20


@dataclass
class MemoryReadTokens:
    """A `ReadTokenStore`; `tokens` contains the reader and the expiry by job and digest, `calls` their number."""

    jobs: MemoryJobStore
    tokens: dict[str, dict[str, tuple[Caller, datetime]]] = field(default_factory=dict)
    calls: int = 0

    async def add(self, kind: Kind, job_id: str, digest: str, reader: Caller, lifetime: timedelta) -> datetime:
        await self._answer()
        job = self.jobs.jobs.get(job_id)
        if job is None or (job.kind, job.owner) != (kind, reader.owner):
            raise UnknownJobError(job_id)
        expires_at = min(self.jobs.clock.now() + lifetime, job.expires_at)
        others = sorted(self._live(job_id).items(), key=lambda token: token[1][1])[-(MAX_TOKENS - 1) :]
        self.tokens[job_id] = dict(others) | {digest: (reader, expires_at)}
        return expires_at

    async def load(self, job_id: str, digest: str) -> Caller | None:
        await self._answer()
        reader, _ = self._live(job_id).get(digest, (None, None))
        return reader

    def _live(self, job_id: str) -> Mapping[str, tuple[Caller, datetime]]:
        now = self.jobs.clock.now()
        tokens = self.tokens.get(job_id, {}) if job_id in self.jobs.jobs else {}
        return {digest: token for digest, token in tokens.items() if now < token[1]}

    async def _answer(self) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.jobs.is_unavailable:
            raise StoreUnavailableError("away")
