"""Accept guard: rejects requests whose response the caller would not take."""

from functools import cache
from http import HTTPStatus

from litestar.enums import MediaType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.utils import get_enum_string_value

from aether.api.guards.authentication import is_public
from aether.api.guards.request_validation import Connection
from aether.api.http.accept import check_media_type
from aether.api.http.file_response import BINARY, FILE_MEDIA_TYPES

ALSO_SERVED = "also_served"
"""The option of a handler with the media types that it serves beside its own."""


async def check_accept(connection: Connection, handler: BaseRouteHandler) -> None:
    """Check the `Accept` header. Public handlers ignore it: health checks send whatever their authors liked.

    Raises:
        NotAcceptableError: it excludes the media type of the response.
    """
    for name, value in connection.scope["headers"]:
        if name == b"accept" and value != b"*/*":
            media_types = () if is_public(connection, handler) else _media_types(handler)
            if media_types:
                check_media_type(value.decode("latin-1"), media_types)


@cache
def _media_types(handler: BaseRouteHandler) -> tuple[str, ...]:
    """Return the media types of a response, any of which may be the one; empty if it has no body."""
    if not isinstance(handler, HTTPRouteHandler) or handler.status_code == HTTPStatus.NO_CONTENT:
        return ()
    media_type = get_enum_string_value(handler.media_type or MediaType.JSON)
    also_served: tuple[str, ...] = handler.opt.get(ALSO_SERVED, ())
    own = FILE_MEDIA_TYPES if media_type == BINARY and not also_served else (media_type,)
    return (*own, *also_served)
