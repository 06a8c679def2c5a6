"""What owners are told of their jobs, on Redis; the script that ends a job writes it, as `lua/inbox.lua` says."""

from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis

from aether.adapters.redis.keys import script
from aether.adapters.redis.record_serializer import moment
from aether.adapters.redis.store import reaching_redis
from aether.domain.job import Kind, Status
from aether.domain.notification import Acknowledgement, InboxPage, Notification
from aether.leased_queue.scripts import Argument

_READ = script("read_inbox", "inbox")
_ACKNOWLEDGE = script("acknowledge", "inbox")


class RedisInboxStore:
    """The `Inbox` for production; `client` must not decode responses, `ttl` is that of the store of jobs."""

    def __init__(self, client: Redis, ttl: timedelta) -> None:
        self._client = client
        self._ttl_ms = int(ttl.total_seconds() * 1000)

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        """Read one more than is wanted, which tells whether there is a next page."""
        arguments: list[Argument] = [owner, after, "1" if unacked else "", limit + 1, self._ttl_ms]
        with reaching_redis():
            unread, *found = await _READ.run(self._client, arguments)
        notifications = tuple(_notification(entry, is_unread) for entry, is_unread in found[:limit])
        return InboxPage(notifications, unread, notifications[-1].id if len(found) > limit else None)

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        """Take them out of the unread, all at once."""
        with reaching_redis():
            return Acknowledgement(*await _ACKNOWLEDGE.run(self._client, [owner, self._ttl_ms, *ids]))


def _notification(entry: bytes, is_unread: int) -> Notification:
    number, at, kind, status, version, job_id = entry.split(b":", 5)
    return Notification(
        int(number),
        Kind(kind.decode()),
        job_id.decode(),
        Status(status.decode()),
        moment(at),
        int(version),
        acked=not is_unread,
    )
