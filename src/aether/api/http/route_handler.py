"""Route handlers: Litestar's, without two steps that every request would pay for and nothing here needs."""

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


# Litestar copies handlers deeply, with the types of their parameters. A Meta never changes, so it is its own copy: that
# is what a reduction to a string means.
copyreg.pickle(Meta, lambda _: "Meta")


class RouteHandler(HTTPRouteHandler):
    """Gives itself to its guards, and asks for its dependencies one after the other.

    Litestar gives each guard a copy, and starts a task for each of several dependencies that do not need one another;
    no guard here changes its handler, and no dependency waits for anything.
    """

    @override
    async def authorize_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Run the guards."""
        for guard in self.resolve_guards():
            await guard(connection, self)  # type: ignore[misc]  # Litestar has made all of them asynchronous

    @override
    def create_kwargs_model(self, path_parameters: "dict[str, PathParameterDefinition]") -> "KwargsModel":
        """Find out where the arguments come from."""
        model = super().create_kwargs_model(path_parameters)
        model.dependency_batches = [{each} for batch in model.dependency_batches for each in batch]
        return model


get = partial(RouteHandler, http_method=HttpMethod.GET)
post = partial(RouteHandler, http_method=HttpMethod.POST)
put = partial(RouteHandler, http_method=HttpMethod.PUT)
delete = partial(RouteHandler, http_method=HttpMethod.DELETE)
