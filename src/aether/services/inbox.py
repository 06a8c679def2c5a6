"""What a caller can do with the word that jobs have ended."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress

from aether.domain.listing import LONGEST_PAGE
from aether.domain.notification import Acknowledgement, InboxPage, Notification
from aether.durable.change_hub import ChangeHub
from aether.durable.ports import InboxStore
from aether.errors import StoreUnavailableError


class Inbox:
    """The inboxes of all owners, seen by one at a time."""

    def __init__(self, inbox: InboxStore, hub: ChangeHub) -> None:
        self._inbox = inbox
        self._hub = hub

    async def page(self, owner: str, after: int, limit: int, *, unacked: bool = False) -> InboxPage:
        """Return what `InboxStore.page` does."""
        return await self._inbox.page(owner, after, limit, unacked=unacked)

    async def acknowledge(self, owner: str, ids: Sequence[int]) -> Acknowledgement:
        """Do as `InboxStore.acknowledge`."""
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
            page = await self._inbox.page(owner, cursor, LONGEST_PAGE, unacked=True)
            for unread in page.notifications:
                yield unread
            cursor = page.next
