"""One connection on which a process hears of the jobs that somebody watches."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self

import msgspec
import structlog
from redis.asyncio import Redis

from aether.adapters.redis.hub.subscriptions import Subscriptions, in_batches
from aether.adapters.redis.hub.versions import ask, version_in
from aether.adapters.redis.hub.watch import Watch
from aether.adapters.redis.keys import ARRIVALS, CHANGES, TEXTS
from aether.durable.background import BackgroundTasks
from aether.durable.change_hub import Delta
from aether.leased_queue.connections import UNREACHABLE

_BATCH = 500  # versions read in one round trip
_PAUSE_S = 0.2

log = structlog.get_logger()
_delta = msgspec.json.Decoder(Delta)


class RedisHub:
    """The `Hub` on Redis, from `async with` on; `client` must have timeouts and must not decode responses.

    Only the watched jobs and inboxes are subscribed to: a process does not hear of the changes that nobody waits for.
    Messages merely make it faster. What counts is the version in the store, read whenever something may have been
    missed: for each new watch, behind each confirmed subscription and so after each break of the connection, and every
    `sweep_s` for all, since records expire without a word. A connection is given up after twice `silence_s` without any
    answer.
    """

    def __init__(self, client: Redis, *, silence_s: float = 2.5, sweep_s: float = 30.0) -> None:
        self._client = client
        self._sweep_s = sweep_s
        self._channels = Subscriptions(client.connection_pool, self._confirmed, self._said, silence_s)
        self._watches: dict[str, set[Watch]] = {}  # by channel
        self._unread: set[str] = set()
        self._stirred = asyncio.Event()
        self._reads = 0
        self._closed = False
        self._background = BackgroundTasks(self._channels.run, self._read, self._sweep)

    async def wait_for_change(self, job_id: str, after: int, timeout_s: float) -> int | None:
        """Wait for one change."""
        with self._watching(Watch(after, timeout_s, self._reads), CHANGES + job_id) as watch:
            version = await anext(watch, None)
        return version if isinstance(version, int) else None

    @contextmanager
    def watch(self, job_id: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        """Listen to changes and text."""
        watch = Watch(after, keep_alive_s, self._reads)
        with self._watching(watch, CHANGES + job_id, TEXTS + job_id):
            yield watch

    @contextmanager
    def watch_inbox(self, owner: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        """Listen to the inbox."""
        with self._watching(Watch(after, keep_alive_s, self._reads), ARRIVALS + owner) as watch:
            yield watch

    @contextmanager
    def _watching(self, watch: Watch, *channels: str) -> Iterator[Watch]:
        if self._closed:
            watch.close()
        for channel in channels:
            if channel not in self._watches:
                self._watches[channel] = set()
                self._channels.join(channel)
            self._watches[channel].add(watch)
        self._doubt(channels[0])
        try:
            yield watch
        finally:
            for channel in channels:
                self._watches[channel].discard(watch)
                if not self._watches[channel]:
                    del self._watches[channel]
                    self._channels.leave(channel)

    def _confirmed(self, channel: str) -> None:
        if not channel.startswith(TEXTS):
            self._doubt(channel)

    def _said(self, channel: str, message: bytes) -> None:
        with _passing_over_nonsense(channel):
            if channel.startswith(TEXTS):
                self._pass_on(channel, _delta.decode(message))
            elif message.isdigit():
                self._tell(channel, int(message))
            else:  # in a form of a newer version: what has changed stands in the store
                self._doubt(channel)

    def _pass_on(self, channel: str, delta: Delta) -> None:
        for watch in self._watches.get(channel, ()):
            watch.hear(delta)

    def _tell(self, channel: str, version: int, read: int = 0) -> None:
        watches = self._watches.get(channel, ())
        if [watch for watch in watches if not watch.learn(version, self._reads, read)]:
            self._doubt(channel)

    def _doubt(self, channel: str) -> None:
        self._unread.add(channel)
        self._stirred.set()

    async def _read(self) -> None:
        for channel in self._watches:  # begun anew, it no longer knows what it was reading
            self._doubt(channel)
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            unread, self._unread = self._unread, set()
            for batch in in_batches((channel for channel in unread if channel in self._watches), _BATCH):
                try:
                    await self._read_batch(batch)
                except UNREACHABLE as error:
                    log.debug("hub.unread", reason=type(error).__name__)
                    self._unread |= set(batch)
                    self._stirred.set()
                    await asyncio.sleep(_PAUSE_S)

    async def _read_batch(self, channels: list[str]) -> None:
        self._reads += 1
        read = self._reads
        async with self._client.pipeline(transaction=False) as pipeline:
            for channel in channels:
                ask(pipeline, channel)
            answers: list[bytes | list[bytes] | None] = await pipeline.execute()
        for channel, answer in zip(channels, answers, strict=True):
            with _passing_over_nonsense(channel):
                self._tell(channel, version_in(answer), read)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_s)
            for channel in self._watches:
                self._confirmed(channel)

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    def close(self) -> None:
        """Wake everybody; whoever comes later is not kept waiting."""
        self._closed = True
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            watch.close()

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self._background.__aexit__()


@contextmanager
def _passing_over_nonsense(channel: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, msgspec.DecodeError):
        log.warning("hub.unreadable", channel=channel)
