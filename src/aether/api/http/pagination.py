"""Pagination: the query parameters of every list."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from aether.domain.listing import CURSOR_PATTERN, MAX_PAGE_SIZE

Limit: TypeAlias = Annotated[
    int, QueryParameter(ge=1, le=MAX_PAGE_SIZE, description="The maximum number of entries in a page.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(description="The cursor from the previous page.", schema_extra={"pattern": CURSOR_PATTERN}),
]
