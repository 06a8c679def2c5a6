"""Problem details: the body of every error response (RFC 9457)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

MEDIA_TYPE = "application/problem+json"

Uri = Annotated[
    str, Meta(description="The type of the problem; it never changes.", extra_json_schema={"format": "uri"})
]
Title = Annotated[str, Meta(description="The type in words.")]
Detail = Annotated[str, Meta(description="What went wrong in this case.")]


class BrokenRule(msgspec.Struct, frozen=True):
    """A field of the body (`outline[1]`; `$` is the whole body) or a query parameter, and the rule that it breaks."""

    field: Annotated[str, Meta(description="The name of the field or parameter.")]
    rule: Annotated[str, Meta(description="The rule that it breaks.")]


class ProblemDetails(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An error (RFC 9457)."""

    type: Uri
    title: Title
    status: Annotated[int, Meta(description="The HTTP status.", ge=400, le=599)]
    detail: Detail
    instance: Annotated[str, Meta(description="The path of the request.")]
    errors: Annotated[tuple[BrokenRule, ...], Meta(description="The rules that are broken.")] | UnsetType = UNSET
    request_id: Annotated[str, Meta(description="The id of the request in the log.")] | UnsetType = UNSET
