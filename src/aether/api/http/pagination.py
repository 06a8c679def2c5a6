"""What callers ask of a list."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from aether.domain.listing import CURSOR_PATTERN, LONGEST_PAGE

Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE, description="How many to list at most.")]
Cursor: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        description="Where the page before ended, as it said itself.", schema_extra={"pattern": CURSOR_PATTERN}
    ),
]
