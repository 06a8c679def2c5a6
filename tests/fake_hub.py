"""Fake hub: a change hub over a store in memory; the contract tests run over it as over the real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from aether.durable.change_hub import Delta
from tests.fakes import MemoryJobStore


@dataclass
class MemoryHub:
    """A `ChangeHub` over a store in memory; `publish` sends deltas to its watches."""

    store: MemoryJobStore
    watches: set["MemoryWatch"] = field(default_factory=set)
    is_closed: bool = False

    async def wait_for_change(self, job_id: str, after: int, timeout_s: float) -> int | None:
        with self._watching(MemoryWatch(self, job_id, after, timeout_s)) as watch:
            signal = await anext(watch, None)
        return signal if isinstance(signal, int) else None

    @contextmanager
    def watch(self, job_id: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        self.store.delta_listeners.append(job_id)
        try:
            with self._watching(MemoryWatch(self, job_id, after, keep_alive_s)) as watch:
                yield watch
        finally:
            self.store.delta_listeners.remove(job_id)

    @contextmanager
    def watch_inbox(self, owner: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        with self._watching(MemoryInboxWatch(self, owner, after, keep_alive_s)) as watch:
            yield watch

    @contextmanager
    def _watching(self, watch: "MemoryWatch") -> Iterator[AsyncIterator[int | Delta | None]]:
        self.watches.add(watch)
        self.store.watch_events.add(watch.changed)
        try:
            yield watch
        finally:
            self.watches.remove(watch)
            self.store.watch_events.remove(watch.changed)

    def publish(self, job_id: str, delta: Delta) -> None:
        for watch in self.watches:
            if watch.job_id == job_id:
                watch.deltas.append(delta)
                watch.changed.set()

    def close(self) -> None:
        self.is_closed = True
        for watch in self.watches:
            watch.changed.set()


@dataclass(eq=False)
class MemoryWatch:
    hub: MemoryHub
    job_id: str
    after: int
    keep_alive_s: float
    deltas: list[Delta] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __aiter__(self) -> "MemoryWatch":
        return self

    async def __anext__(self) -> int | Delta | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.keep_alive_s):
                while not self._has_signal():
                    self.changed.clear()
                    await self.changed.wait()
        if self.hub.is_closed:
            raise StopAsyncIteration
        if self._has_version():
            self.after = self._version()
            return self.after
        return self.deltas.pop(0) if self.deltas else None

    def _has_signal(self) -> bool:
        return self.hub.is_closed or bool(self.deltas) or self._has_version()

    def _has_version(self) -> bool:
        return not self.hub.store.is_unavailable and self._version() != self.after

    def _version(self) -> int:
        job = self.hub.store.jobs.get(self.job_id)
        return job.version if job else 0


@dataclass(eq=False)
class MemoryInboxWatch(MemoryWatch):
    """A watch of an inbox; `job_id` is the owner."""

    def _version(self) -> int:
        inbox = self.hub.store.inboxes.get(self.job_id)
        return inbox[-1].id if inbox else 0
