"""ETag: a job's version as an entity tag, and whether the caller has it already (RFC 9110, 8.8.3 and 13.1.2)."""

import re
from typing import Annotated

from litestar.params import HeaderParameter

IfNoneMatch = Annotated[
    str,
    HeaderParameter(name="If-None-Match", description="The ETag that you have.", schema_extra={"examples": ['"7"']}),
]

_TAG = re.compile(r'"([^"]*)"')
# Proxies that compress a response mark its tag with the coding: "7-gzip" (Apache, Caddy), "7--gzip" (Jetty), "7;gzip".
_CODING = re.compile(r"(?:[^0-9A-Za-z]{1,2}[A-Za-z][0-9A-Za-z]{0,15}){1,4}")


def entity_tag(version: int) -> str:
    """Return the entity tag of this version of a job."""
    return f'"{version}"'


def is_current(if_none_match: str, tag: str) -> bool:
    """Whether `If-None-Match` contains this tag, as it was sent or as a proxy has changed it.

    Weak and strong tags match, as for every GET.
    """
    if if_none_match in (tag, "*"):
        return True
    known = tag.strip('"')
    return if_none_match.strip() == "*" or any(_is_variant(each, known) for each in _TAG.findall(if_none_match))


def _is_variant(found: str, known: str) -> bool:
    return found == known or (found.startswith(known) and _CODING.fullmatch(found, len(known)) is not None)
