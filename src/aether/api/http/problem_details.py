"""What an error looks like on the wire (RFC 9457)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

MEDIA_TYPE = "application/problem+json"

Uri = Annotated[str, Meta(description="What kind of problem it is; stable.", extra_json_schema={"format": "uri"})]
Title = Annotated[str, Meta(description="The kind in words.")]
Detail = Annotated[str, Meta(description="What went wrong this time.")]


class BrokenRule(msgspec.Struct, frozen=True):
    """A field of the body (`outline[1]`; `$` is the whole body) or a parameter of the query, and its broken rule."""

    field: Annotated[str, Meta(description="Its name on the wire.")]
    rule: Annotated[str, Meta(description="What it must be or do.")]


class ProblemDetails(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An error (RFC 9457)."""

    type: Uri
    title: Title
    status: Annotated[int, Meta(description="The HTTP status.", ge=400, le=599)]
    detail: Detail
    instance: Annotated[str, Meta(description="The path that was called.")]
    errors: Annotated[tuple[BrokenRule, ...], Meta(description="Which rules are broken.")] | UnsetType = UNSET
    request_id: Annotated[str, Meta(description="Where to look in the log.")] | UnsetType = UNSET
