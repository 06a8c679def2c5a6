"""Inbox on Redis: the notifications of an owner's jobs; the script that ends a job adds them (`lua/inbox.lua`)."""

from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import parse_time
from aether.domain.job import Kind, Status
from aether.domain.notification import Acknowledgement, InboxPage, Notification
from aether.leased_queue.scripts import Argument

_READ = script("read_inbox", "inbox")
_ACKNOWLEDGE = script("acknowledge", "inbox")


class RedisInboxStore:
    """The `InboxStore` for production; `client` must not decode responses, `ttl` is the job store's `inbox_ttl`."""

    def __init__(self, client: Redis, ttl: timedelta) -> None:
        self._client = client
        self._ttl_ms = int(ttl.total_seconds() * 1000)

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        """Read one notification more than `limit`, to know whether there is a next page."""
        arguments: list[Argument] = [owner, after, "1" if unacked else "", limit + 1, self._ttl_ms]
        with translate_redis_errors():
            unread, *entries = await _READ.run(self._client, arguments)
        notifications = tuple(_parse_notification(entry, is_unread) for entry, is_unread in entries[:limit])
        return InboxPage(notifications, unread, notifications[-1].id if len(entries) > limit else None)

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        """Remove the ids from the unread set, all in one step."""
        with translate_redis_errors():
            return Acknowledgement(*await _ACKNOWLEDGE.run(self._client, [owner, self._ttl_ms, *ids]))


def _parse_notification(entry: bytes, is_unread: int) -> Notification:
    number, time, kind, status, version, job_id = entry.split(b":", 5)
    return Notification(
        int(number),
        Kind(kind.decode()),
        job_id.decode(),
        Status(status.decode()),
        parse_time(time),
        int(version),
        acked=not is_unread,
    )
