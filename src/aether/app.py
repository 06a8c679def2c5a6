"""App: builds the API from its routers, guards, middleware, services and OpenAPI document."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import Guard, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from aether.api.guards.accept import check_accept
from aether.api.guards.authentication import authenticate, caller_of
from aether.api.guards.csrf import CsrfGuard
from aether.api.guards.query_validation import check_query
from aether.api.guards.rate_limit import RateLimitGuard
from aether.api.guards.request_validation import check_host
from aether.api.health import health_router
from aether.api.http.problems import EXCEPTION_HANDLERS, AnyRequest
from aether.api.http.public_url import UNKNOWN_URL, PublicUrl
from aether.api.http.request import StrictRequest
from aether.api.inbox.controller import notifications_router
from aether.api.jobs.response_cache import ResponseCache
from aether.api.kinds.routers import kind_routers
from aether.api.middleware.cors import Cors
from aether.api.middleware.options_method import allow_all_methods
from aether.api.middleware.request_context import handle_request
from aether.api.openapi.contents import api_document
from aether.api.openapi.ui import docs_router, redirect_to_docs
from aether.api.state import ApiServices, Readiness, services_of
from aether.api.templates.controller import templates_router
from aether.api.webhooks.controller import webhooks_router
from aether.domain.access import Rate
from aether.durable.change_hub import ChangeHub
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.templates import Templates
from aether.services.webhooks import Webhooks
from aether.settings import Settings


class Api(Litestar):
    """Litestar with the middleware around it, so that requests without a route pass through the middleware too."""

    cors: Cors | None = None
    public_url = UNKNOWN_URL

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Handle a request or the lifespan."""
        if scope["type"] == ScopeType.HTTP:
            # The type of the scope determines the types of receive and send.
            app, request = super().__call__, (scope, receive, send)
            await handle_request(app, *request, cors=self.cors, public_url=self.public_url)  # type: ignore[arg-type]
        else:
            await super().__call__(scope, receive, send)

    def end_waiting(self) -> None:
        """End all streams and long polls at once; later ones do not wait either."""
        self.state.services.hub.close()


def create_app(settings: Settings, services: Callable[[], AbstractAsyncContextManager[ApiServices]]) -> Api:
    """Build the API; `services` are opened when it starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with services() as opened:
            app.state.services, app.state.response_cache = opened, ResponseCache()
            yield

    document = api_document()
    api = document.app = Api(
        route_handlers=_routers(),
        dependencies={
            "jobs": Provide(_jobs, sync_to_thread=False),
            "hub": Provide(_hub, sync_to_thread=False),
            "readiness": Provide(_readiness, sync_to_thread=False),
            "notifications": Provide(_notifications, sync_to_thread=False),
            "webhooks": Provide(_webhooks, sync_to_thread=False),
            "templates": Provide(_templates, sync_to_thread=False),
            "owner": Provide(_owner, sync_to_thread=False),
            "image_model": Provide(lambda: settings.image_model, sync_to_thread=False),
        },
        lifespan=[lifespan],
        guards=_guards(settings),
        before_send=[allow_all_methods],
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=settings.max_body,
        openapi_config=document,
        # Litestar's own logging would repeat the access log and the log of errors, and include bodies.
        logging_config=None,
        debug=False,
    )
    api.cors = Cors(settings.origins) if settings.origins else None
    api.public_url = PublicUrl.parse(settings.public_url)
    return api


def _guards(settings: Settings) -> list[Guard]:
    rate_limit = RateLimitGuard(_rate(settings))
    return [check_host, CsrfGuard(settings.origins), authenticate, rate_limit, check_accept, check_query]


def _rate(settings: Settings) -> Rate | None:
    return Rate(*settings.request_rate) if settings.request_rate else None


def _routers() -> list[Router | HTTPRouteHandler]:
    resources = [notifications_router, webhooks_router, templates_router, health_router]
    return [*kind_routers(), *resources, docs_router, redirect_to_docs]


def _jobs(request: AnyRequest) -> Jobs:
    return services_of(request).jobs


def _hub(request: AnyRequest) -> ChangeHub:
    return services_of(request).hub


def _readiness(request: AnyRequest) -> Callable[[], Awaitable[Readiness]]:
    return services_of(request).readiness


def _notifications(request: AnyRequest) -> Inbox:
    return services_of(request).notifications


def _webhooks(request: AnyRequest) -> Webhooks:
    return services_of(request).webhooks


def _templates(request: AnyRequest) -> Templates:
    return services_of(request).templates


def _owner(request: AnyRequest) -> str:
    """Return the owner whose jobs a request is about."""
    return caller_of(request).owner
