"""What callers ask of a list."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from aether.domain.listing import CURSOR_PATTERN, MAX_PAGE_SIZE

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE, description="How many to list at most.")]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        description="Where the page before ended, as it said itself.", schema_extra={"pattern": CURSOR_PATTERN}
    ),
]
