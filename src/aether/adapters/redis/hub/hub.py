"""Change hub: subscribes to the jobs and inboxes that somebody in this process waits for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self

import msgspec
import structlog
from redis.asyncio import Redis

from aether.adapters.redis.hub.subscriptions import Subscriptions, in_batches
from aether.adapters.redis.hub.versions import add_version_read, parse_version
from aether.adapters.redis.hub.watch import Watch
from aether.adapters.redis.keys import ARRIVALS, CHANGES, TEXTS
from aether.durable.background import BackgroundTasks
from aether.durable.change_hub import Delta
from aether.leased_queue.connections import UNREACHABLE
from aether.leased_queue.key_names import Key, key_name

_BATCH_SIZE = 500  # versions read in one round trip
_RETRY_PAUSE_S = 0.2

log = structlog.get_logger()
_delta_decoder = msgspec.json.Decoder(Delta)


class RedisHub:
    """The `ChangeHub` on Redis, open inside `async with`; `client` must have timeouts and must not decode responses.

    A process subscribes only to the jobs and inboxes that somebody watches. Messages only make it fast. What counts is
    the version in the store, which is read whenever a message may have been missed: for each new watch; after each
    confirmed subscription, so also after each reconnect; and every `sweep_s` for all watches, since records expire
    without a message. A connection is closed after twice `silence_s` without any answer.
    """

    def __init__(self, client: Redis, *, silence_s: float = 2.5, sweep_s: float = 30.0) -> None:
        self._client = client
        self._sweep_s = sweep_s
        self._channels = Subscriptions(client.connection_pool, self._on_subscribed, self._on_message, silence_s)
        self._watches: dict[str, set[Watch]] = {}  # by channel
        self._unread: set[str] = set()  # channels whose versions have to be read
        self._has_unread = asyncio.Event()
        self._reads = 0
        self._closed = False
        self._background = BackgroundTasks(self._channels.run, self._read_versions, self._sweep)

    async def wait_for_change(self, job_id: str, after: int, timeout_s: float) -> int | None:
        """Wait for one change."""
        with self._watching(Watch(after, timeout_s, self._reads), self._channel(CHANGES, job_id)) as watch:
            version = await anext(watch, None)
        return version if isinstance(version, int) else None

    @contextmanager
    def watch(self, job_id: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        """Subscribe to the job's versions and deltas."""
        watch = Watch(after, keep_alive_s, self._reads)
        with self._watching(watch, self._channel(CHANGES, job_id), self._channel(TEXTS, job_id)):
            yield watch

    @contextmanager
    def watch_inbox(self, owner: str, after: int, keep_alive_s: float) -> Iterator[AsyncIterator[int | Delta | None]]:
        """Subscribe to the inbox."""
        with self._watching(Watch(after, keep_alive_s, self._reads), self._channel(ARRIVALS, owner)) as watch:
            yield watch

    def _channel(self, channels: Key, name: str = "") -> str:
        return key_name(self._client, channels, name)

    @contextmanager
    def _watching(self, watch: Watch, *channels: str) -> Iterator[Watch]:
        if self._closed:
            watch.close()
        for channel in channels:
            if channel not in self._watches:
                self._watches[channel] = set()
                self._channels.join(channel)
            self._watches[channel].add(watch)
        self._schedule_read(channels[0])
        try:
            yield watch
        finally:
            for channel in channels:
                self._watches[channel].discard(watch)
                if not self._watches[channel]:
                    del self._watches[channel]
                    self._channels.leave(channel)

    def _on_subscribed(self, channel: str) -> None:
        if not channel.startswith(self._channel(TEXTS)):
            self._schedule_read(channel)

    def _on_message(self, channel: str, message: bytes) -> None:
        with _skip_unreadable(channel):
            if channel.startswith(self._channel(TEXTS)):
                self._add_delta(channel, _delta_decoder.decode(message))
            elif message.isdigit():
                self._set_version(channel, int(message))
            else:  # a newer version's form of message: read the version from the store
                self._schedule_read(channel)

    def _add_delta(self, channel: str, delta: Delta) -> None:
        for watch in self._watches.get(channel, ()):
            watch.add_delta(delta)

    def _set_version(self, channel: str, version: int, read: int = 0) -> None:
        watches = self._watches.get(channel, ())
        if [watch for watch in watches if not watch.set_version(version, self._reads, read)]:
            self._schedule_read(channel)

    def _schedule_read(self, channel: str) -> None:
        self._unread.add(channel)
        self._has_unread.set()

    async def _read_versions(self) -> None:
        for channel in self._watches:  # after a failure it does not know what it was reading
            self._schedule_read(channel)
        while True:
            await self._has_unread.wait()
            self._has_unread.clear()
            unread, self._unread = self._unread, set()
            for batch in in_batches((channel for channel in unread if channel in self._watches), _BATCH_SIZE):
                try:
                    await self._read_batch(batch)
                except UNREACHABLE as error:
                    log.debug("hub.unread", reason=type(error).__name__)
                    self._unread |= set(batch)
                    self._has_unread.set()
                    await asyncio.sleep(_RETRY_PAUSE_S)

    async def _read_batch(self, channels: list[str]) -> None:
        self._reads += 1
        read = self._reads
        async with self._client.pipeline(transaction=False) as pipeline:
            for channel in channels:
                add_version_read(pipeline, channel)
            answers: list[bytes | list[bytes] | None] = await pipeline.execute()
        for channel, answer in zip(channels, answers, strict=True):
            with _skip_unreadable(channel):
                self._set_version(channel, parse_version(answer), read)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_s)
            for channel in self._watches:
                self._on_subscribed(channel)

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    def close(self) -> None:
        """End all waits; later ones end at once."""
        self._closed = True
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            watch.close()

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self._background.__aexit__()


@contextmanager
def _skip_unreadable(channel: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, msgspec.DecodeError):
        log.warning("hub.unreadable", channel=channel)
