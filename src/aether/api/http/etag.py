"""ETag: a job's version as an entity tag, and whether the caller has it already (RFC 9110, 8.8.3 and 13.1.2)."""

import re
from typing import Annotated

from litestar.params import HeaderParameter

IfNoneMatch = Annotated[
    str,
    HeaderParameter(name="If-None-Match", description="The ETag that you have.", schema_extra={"examples": ['"7"']}),
]

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def entity_tag(version: int) -> str:
    """Return the entity tag of this version of a job."""
    return f'"{version}"'


def is_current(if_none_match: str, tag: str) -> bool:
    """Whether `If-None-Match` contains this tag; weak and strong tags match, as for every GET."""
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
