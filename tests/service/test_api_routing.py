"""What Litestar would do for each request, and nothing here needs."""

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from aether.api.guards.request_validation import Connection
from aether.api.http.route_handler import RouteHandler, get
from tests.service.api_harness import ApiHarness


def test_every_handler_spares_it_but_those_of_litestars_own_document(harness: ApiHarness) -> None:
    routes = [route for route in harness.local_app().routes if isinstance(route, HTTPRoute)]
    tables = [(route.path, method, *row) for route in routes for method, row in route.route_handler_map.items()]

    others = {path for path, method, handler, _ in tables if method != "OPTIONS" and type(handler) is not RouteHandler}
    longest = max(len(batch) for _, _, _, model in tables for batch in model.dependency_batches)

    assert {path for path in others if not path.startswith("/schema")} == set()
    assert longest == 1  # Litestar starts a task for each of several


async def test_a_guard_is_given_the_handler_itself() -> None:
    given: list[BaseRouteHandler] = []

    async def guard(_: Connection, handler: BaseRouteHandler) -> None:
        given.append(handler)

    @get("/", guards=[guard])
    async def read() -> None:
        """Answer nothing."""

    app = Litestar([read], openapi_config=None)
    async with AsyncTestClient(app) as client:
        await client.get("/")

    (route,) = (route for route in app.routes if isinstance(route, HTTPRoute))
    assert given[0] is route.route_handler_map["GET"][0]
