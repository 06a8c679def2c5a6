"""Where the OpenAPI document is served: written once, and sent only to those who do not have it yet."""

from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, Response, Router
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException

from aether.api.http.etag import is_current
from aether.api.http.file_response import unchanged
from aether.api.http.problems import AnyRequest

AnyResponse: TypeAlias = Response[Any]  # Any: whatever the handler answers


_PATHS = ("/schema", "/schema/", "/openapi.json")


def schema_router() -> Router:
    """Return the router for it; Litestar would answer a wrong path below it with a page of HTML."""
    return Router(
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        before_request=_send_document,
        after_request=_no_page,
        opt={"public": True},
    )


async def _send_document(request: AnyRequest) -> Response[bytes] | None:
    """Go before Litestar's own handler, which would write the document for each request."""
    if request.method == "OPTIONS" or not request.scope["path"].endswith(_PATHS):
        return None
    document, tag = _written(request.app)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_current(request.headers.get("If-None-Match", ""), tag):
        return unchanged(headers)
    return Response(document, media_type=OpenAPIMediaType.OPENAPI_JSON, headers=headers)


@cache
def _written(app: Litestar) -> tuple[bytes, str]:
    document = msgspec.json.encode(app.openapi_schema.to_schema())
    return document, f'"{sha256(document).hexdigest()[:32]}"'


async def _no_page(response: AnyResponse) -> AnyResponse:
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response
