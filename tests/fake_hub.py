"""A stand-in for the hub that behaves like the real one; the same contract tests run over both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from aether.durable.change_hub import Delta
from tests.fakes import MemoryJobStore


@dataclass
class MemoryHub:
    """A `Hub` over a dictionary, that passes on what is said to `publish`."""

    store: MemoryJobStore
    watches: set["MemoryWatch"] = field(default_factory=set)
    closed: bool = False

    async def wait_for_change(self, job_id: str, after: int, timeout_s: float) -> int | None:
        with self._watching(MemoryWatch(self, job_id, after, timeout_s)) as watch:
            news = await anext(watch, None)
        return news if isinstance(news, int) else None

    @contextmanager
    def watch(self, job_id: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        self.store.listeners.append(job_id)
        try:
            with self._watching(MemoryWatch(self, job_id, after, keep_alive_s)) as watch:
                yield watch
        finally:
            self.store.listeners.remove(job_id)

    @contextmanager
    def watch_inbox(self, owner: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        with self._watching(MemoryInboxWatch(self, owner, after, keep_alive_s)) as watch:
            yield watch

    @contextmanager
    def _watching(self, watch: "MemoryWatch") -> Iterator[AsyncIterator[int | Delta | None]]:
        self.watches.add(watch)
        self.store.watched.add(watch.stirred)
        try:
            yield watch
        finally:
            self.watches.remove(watch)
            self.store.watched.remove(watch.stirred)

    def publish(self, job_id: str, delta: Delta) -> None:
        for watch in self.watches:
            if watch.job_id == job_id:
                watch.texts.append(delta)
                watch.stirred.set()

    def close(self) -> None:
        self.closed = True
        for watch in self.watches:
            watch.stirred.set()


@dataclass(eq=False)
class MemoryWatch:
    hub: MemoryHub
    job_id: str
    after: int
    keep_alive_s: float
    texts: list[Delta] = field(default_factory=list)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> "MemoryWatch":
        return self

    async def __anext__(self) -> int | Delta | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.keep_alive_s):
                while not self._has_news():
                    self.stirred.clear()
                    await self.stirred.wait()
        if self.hub.closed:
            raise StopAsyncIteration
        if self._version() != self.after:
            self.after = self._version()
            return self.after
        return self.texts.pop(0) if self.texts else None

    def _has_news(self) -> bool:
        return self.hub.closed or bool(self.texts) or self._version() != self.after

    def _version(self) -> int:
        job = self.hub.store.jobs.get(self.job_id)
        return job.version if job else 0


@dataclass(eq=False)
class MemoryInboxWatch(MemoryWatch):
    """Its `job_id` is the owner."""

    def _version(self) -> int:
        inbox = self.hub.store.inboxes.get(self.job_id)
        return inbox[-1].id if inbox else 0
