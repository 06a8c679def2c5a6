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

    async def follow(self, owner: str, after: int, pulse: float) -> AsyncGenerator[Notification | None, None]:
        """Tell all that is not acknowledged behind the id `after`, and what comes from then on, until the hub closes.

        None comes wherever nothing else came for `pulse` seconds, also while the store is away: nothing is lost to
        that.
        """
        heard, behind = after, False
        with self._hub.arrivals(owner, after, pulse) as arrivals:
            async for newest in arrivals:
                if isinstance(newest, int):
                    if newest < heard:
                        # What comes begins anew below the cursor: the store has lost some, or its clock was set back.
                        after = min(after, newest)
                    heard, behind = newest, True
                if behind:
                    with suppress(StoreUnavailableError):
                        async for unread in self._unread(owner, after):
                            after = unread.id
                            yield unread
                        behind = False
                if newest is None:
                    yield None

    async def _unread(self, owner: str, after: int) -> AsyncIterator[Notification]:
        cursor: int | None = after
        while cursor is not None:
            page = await self._inbox.page(owner, cursor, MAX_PAGE_SIZE, unacked=True)
            for unread in page.notifications:
                yield unread
            cursor = page.next
