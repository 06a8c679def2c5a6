"""Pagination by opaque cursors."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from aether.domain.listing import MAX_PAGE_SIZE, JobPage, decode_cursor, encode_cursor
from aether.domain.template import TemplatePage
from aether.domain.webhook import DeliveryPage
from aether.errors import FieldError

PageT = TypeVar("PageT", JobPage, DeliveryPage, TemplatePage)


async def read_page(read: Callable[[str | None], Awaitable[PageT]], limit: int, cursor: str | None) -> PageT:
    """Return the page that `read` finds after a sort key; `cursor` is the `next` of the previous page.

    Raises:
        FieldError: `limit` is out of bounds, or `cursor` is not from a page.
    """
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise FieldError("limit", f"must be at least 1 and at most {MAX_PAGE_SIZE}")
    page = await read(None if cursor is None else decode_cursor(cursor))
    return replace(page, next=None if page.next is None else encode_cursor(page.next))
