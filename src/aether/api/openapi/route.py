"""OpenAPI route: serves the document, which is encoded once and has an ETag."""

from functools import cache, lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, Response, Router
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException

from aether.api.http.etag import is_current
from aether.api.http.file_response import not_modified
from aether.api.http.problems import AnyRequest
from aether.api.http.public_url import prefix_of

AnyResponse: TypeAlias = Response[Any]  # Any: bodies of any type


_PATHS = ("/schema", "/schema/", "/openapi.json")


def schema_router() -> Router:
    """Return the router of the document; without it, Litestar would answer unknown paths below it with an HTML page."""
    return Router(
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        before_request=_send_document,
        after_request=_reject_html,
        opt={"public": True},
    )


async def _send_document(request: AnyRequest) -> Response[bytes] | None:
    """Respond instead of Litestar's own handler, which would encode the document for each request."""
    if request.method == "OPTIONS" or not request.scope["path"].endswith(_PATHS):
        return None
    document, tag = _encoded(request.app, prefix_of(request))
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_current(request.headers.get("If-None-Match", ""), tag):
        return not_modified(headers)
    return Response(document, media_type=OpenAPIMediaType.OPENAPI_JSON, headers=headers)


@lru_cache(maxsize=8)
def _encoded(app: Litestar, prefix: str) -> tuple[bytes, str]:
    servers = {"servers": [{"url": prefix}]} if prefix else {}
    document = msgspec.json.encode(_schema(app) | servers)
    return document, f'"{sha256(document).hexdigest()[:32]}"'


@cache
def _schema(app: Litestar) -> dict[str, Any]:  # Any: JSON
    # Apart from its encoding, since a client may make its proxy send any prefix.
    return app.openapi_schema.to_schema()


async def _reject_html(response: AnyResponse) -> AnyResponse:
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response
