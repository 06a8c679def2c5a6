"""Route handler: Litestar's, without two steps that cost time in every request and are not needed here."""

import copyreg
from functools import partial
from typing import TYPE_CHECKING, Any

from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta
from typing_extensions import override

if TYPE_CHECKING:
    from litestar._kwargs import KwargsModel
    from litestar.types.internal_types import PathParameterDefinition


# Litestar makes deep copies of handlers, including the types of their parameters. A Meta never changes, so it needs no
# copy; a reduction to a string means that.
copyreg.pickle(Meta, lambda _: "Meta")


class RouteHandler(HTTPRouteHandler):
    """A handler that passes itself to its guards and resolves its dependencies one after the other.

    Litestar would pass a copy to each guard, and start a task for each independent dependency. But no guard changes its
    handler, and no dependency waits for anything.
    """

    @override
    async def authorize_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Run the guards."""
        for guard in self.resolve_guards():
            await guard(connection, self)  # type: ignore[misc]  # Litestar has wrapped the synchronous ones

    @override
    def create_kwargs_model(self, path_parameters: "dict[str, PathParameterDefinition]") -> "KwargsModel":
        """Return the sources of the arguments, with each dependency in a batch of its own."""
        model = super().create_kwargs_model(path_parameters)
        model.dependency_batches = [{each} for batch in model.dependency_batches for each in batch]
        return model


get = partial(RouteHandler, http_method=HttpMethod.GET)
post = partial(RouteHandler, http_method=HttpMethod.POST)
put = partial(RouteHandler, http_method=HttpMethod.PUT)
delete = partial(RouteHandler, http_method=HttpMethod.DELETE)
