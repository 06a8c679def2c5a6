"""Route handlers: they omit two steps of Litestar's own."""

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from aether.api.guards.request_validation import Connection
from aether.api.http.route_handler import RouteHandler, get
from tests.service.api_harness import ApiHarness


def test_every_handler_but_those_of_litestars_own_document_is_a_route_handler(harness: ApiHarness) -> None:
    routes = [route for route in harness.local_app().routes if isinstance(route, HTTPRoute)]
    tables = [(route.path, method, *row) for route in routes for method, row in route.route_handler_map.items()]

    others = {path for path, method, handler, _ in tables if method != "OPTIONS" and type(handler) is not RouteHandler}
    longest = max(len(batch) for _, _, _, model in tables for batch in model.dependency_batches)

    assert {path for path in others if not path.startswith("/schema")} == set()
    assert longest == 1  # Litestar starts a task for each dependency of a larger batch


async def test_a_guard_is_given_the_handler_itself() -> None:
    handlers: list[BaseRouteHandler] = []

    async def guard(_: Connection, handler: BaseRouteHandler) -> None:
        handlers.append(handler)

    @get("/", guards=[guard])
    async def read() -> None:
        """Return nothing."""

    app = Litestar([read], openapi_config=None)
    async with AsyncTestClient(app) as client:
        await client.get("/")

    (route,) = (route for route in app.routes if isinstance(route, HTTPRoute))
    assert handlers[0] is route.route_handler_map["GET"][0]
