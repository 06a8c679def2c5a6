"""Inbox: reading, following and acknowledging an owner's notifications, and the store they are kept in."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Protocol

from aether.domain.listing import MAX_PAGE_SIZE
from aether.domain.notification import Acknowledgement, InboxPage, Notification
from aether.durable.change_hub import ChangeHub
from aether.errors import StoreUnavailableError


class InboxStore(Protocol):
    """Stores the notifications of all owners; the change that ends a job adds its notification, exactly once.

    A notification has its own time to live, but erasing the job removes it. All methods raise StoreUnavailableError
    while the store cannot be reached.
    """

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        """Return up to `limit` notifications with an id above `after`: all, or only the `unacked` ones.

        The cost does not depend on how many notifications there are.
        """
        ...

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        """Mark these notifications as acknowledged.

        Ids that are acknowledged already, expired, erased or another owner's are ignored: the caller cannot know of
        them.
        """
        ...


class Inbox:
    """The inboxes of all owners; each method acts on one owner's."""

    def __init__(self, inbox: InboxStore, hub: ChangeHub) -> None:
        self._inbox = inbox
        self._hub = hub

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        """Return a page of notifications, as `InboxStore.page` does."""
        return await self._inbox.page(owner, after, limit, unacked=unacked)

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        """Acknowledge notifications, as `InboxStore.acknowledge` does."""
        return await self._inbox.acknowledge(owner, ids)

    async def follow(self, owner: str, after: int, keep_alive_s: float) -> AsyncGenerator[Notification | None, None]:
        """Yield all unacknowledged notifications with an id above `after`, then new ones, until the hub closes.

        Yields None after `keep_alive_s` without a notification. While the store is unavailable, notifications are late,
        but none is lost.
        """
        newest_seen, has_more = after, False
        with self._hub.watch_inbox(owner, after, keep_alive_s) as arrivals:
            async for newest in arrivals:
                if isinstance(newest, int):
                    if newest < newest_seen:
                        # The store has lost notifications, or its clock was set back: new ids start below the cursor.
                        after = min(after, newest)
                    newest_seen, has_more = newest, True
                if has_more:
                    with suppress(StoreUnavailableError):
                        async for unread in self._unread(owner, after):
                            after = unread.id
                            yield unread
                        has_more = False
                if newest is None:
                    yield None

    async def _unread(self, owner: str, after: int) -> AsyncIterator[Notification]:
        cursor: int | None = after
        while cursor is not None:
            page = await self._inbox.page(owner, cursor, MAX_PAGE_SIZE, unacked=True)
            for unread in page.notifications:
                yield unread
            cursor = page.next
