"""The API's root."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import get_args

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server, Tag
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from aether.api.guards.authentication import authenticate, caller_of
from aether.api.guards.csrf import CsrfGuard
from aether.api.guards.rate_limit import RateLimitGuard
from aether.api.guards.request_validation import check_host, check_query
from aether.api.health import Live, Ready, health_router
from aether.api.http.problem_details import ProblemDetails
from aether.api.http.problems import EXCEPTION_HANDLERS, AnyRequest
from aether.api.http.request import StrictRequest
from aether.api.inbox.controller import (
    AcknowledgeBody,
    Acknowledged,
    NotificationItem,
    NotificationPage,
    notifications_router,
)
from aether.api.jobs.job_limits import RetryBody
from aether.api.jobs.read_tokens import TOKEN_EXAMPLES, ChecklistToken, ChecklistTokenBody, JobToken, TokenBody
from aether.api.kinds.checklist.controller import ChecklistBody, ChecklistRetryBody, checklists_router
from aether.api.kinds.checklist.schemas import ChecklistAccepted, ChecklistJob, ChecklistPage
from aether.api.kinds.image.controller import GenerationBody, generations_router
from aether.api.kinds.image.schemas import GenerationAccepted, GenerationJob, GenerationPage
from aether.api.kinds.report.controller import ReportBody, reports_router
from aether.api.kinds.report.schemas import ReportAccepted, ReportJob, ReportPage
from aether.api.middleware import request_context as edge
from aether.api.middleware.cors import Cors
from aether.api.openapi.callbacks import JOB_ENDED
from aether.api.openapi.description import description
from aether.api.openapi.document import ApiDocument
from aether.api.openapi.examples import EXAMPLES
from aether.api.openapi.operations import operation_id
from aether.api.openapi.route import schema_router
from aether.api.openapi.streams import STREAM_EXAMPLES, STREAM_STRUCTS, STREAMS
from aether.api.openapi.ui import docs_router, lead_to_docs
from aether.api.state import ApiServices, Readiness, services_of
from aether.api.webhooks.controller import webhooks_router
from aether.api.webhooks.schemas import Delivery, DeliveryPage, Endpoint, Secrets, WebhookBody
from aether.bootstrap.api import api_services
from aether.domain.access import Rate
from aether.domain.webhook import JobEnded
from aether.durable.change_hub import ChangeHub
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.webhooks import Webhooks
from aether.settings import Settings


class Api(Litestar):
    """Litestar with the edge around it, where also what no route matches passes through."""

    cors: Cors | None = None

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Answer a request, or go through a lifespan."""
        if scope["type"] == ScopeType.HTTP:
            # The scope's type tells which receive and send these are.
            await edge.serve(super().__call__, scope, receive, send, self.cors)  # type: ignore[arg-type]
        else:
            await super().__call__(scope, receive, send)

    def end_waiting(self) -> None:
        """End all streams and long polls at once, for good; those that come later wait for nothing."""
        self.state.services.hub.close()


_BODIES = (
    *(ReportBody, RetryBody, ChecklistBody, ChecklistRetryBody, GenerationBody),
    *(TokenBody, ChecklistTokenBody, AcknowledgeBody, WebhookBody),
)
_ANSWERS = (
    *(ReportAccepted, ReportPage, ChecklistAccepted, ChecklistJob, ChecklistPage),
    *(NotificationItem, NotificationPage, Acknowledged, JobToken, ChecklistToken),
    *(Endpoint, Secrets, Delivery, DeliveryPage, JobEnded),
    *(GenerationAccepted, GenerationJob, GenerationPage, Live, Ready, ProblemDetails),
)


def create_app(
    settings: Settings, services: Callable[[], AbstractAsyncContextManager[ApiServices]] | None = None
) -> Api:
    """Build the API; `services`, by default the real ones, are opened when it starts and closed when it stops."""
    open_services = services or partial(api_services, settings)

    @asynccontextmanager
    async def serving(app: Litestar) -> AsyncIterator[None]:
        async with open_services() as opened:
            app.state.services = opened
            yield

    api = Api(
        route_handlers=_routers(),
        dependencies={
            "jobs": Provide(_jobs, sync_to_thread=False),
            "hub": Provide(_hub, sync_to_thread=False),
            "readiness": Provide(_readiness, sync_to_thread=False),
            "notifications": Provide(_notifications, sync_to_thread=False),
            "webhooks": Provide(_webhooks, sync_to_thread=False),
            "owner": Provide(_owner, sync_to_thread=False),
            "image_model": Provide(lambda: settings.image_model, sync_to_thread=False),
        },
        lifespan=[serving],
        guards=[check_host, CsrfGuard(settings.origins), authenticate, RateLimitGuard(_rate(settings)), check_query],
        before_send=[edge.allow_every_method],
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=settings.max_body,
        openapi_config=_document(),
        # Litestar's own logging would repeat what the edge and the problem table say, with bodies in it.
        logging_config=None,
        debug=False,
    )
    api.cors = Cors(settings.origins) if settings.origins else None
    return api


def _rate(settings: Settings) -> Rate | None:
    return Rate(*settings.request_rate) if settings.request_rate else None


def _routers() -> list[Router | HTTPRouteHandler]:
    return [
        reports_router("/", in_schema=True),
        reports_router("/api/v1", in_schema=False),
        checklists_router,
        generations_router,
        notifications_router,
        webhooks_router,
        health_router,
        docs_router,
        lead_to_docs,
    ]


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


def _owner(request: AnyRequest) -> str:
    """Name whose jobs a request is about."""
    return caller_of(request).owner


def _document() -> ApiDocument:
    reports = get_args(ReportJob)
    return ApiDocument(
        title="Aether",
        version=version("aether"),
        description=description(),
        license=License("MIT", url="https://opensource.org/license/mit"),
        servers=[Server("/")],
        tags=[
            Tag("Reports", "A topic in, a structured report out."),
            Tag("Checklists", "A guideline in, a checklist out, every item with its source."),
            Tag("Generations", "A prompt in, images out."),
            Tag("Notifications", "What has become of your jobs while you were away."),
            Tag("Webhooks", "The ends of your jobs, told to a server of yours."),
            Tag("Health", "For load balancers and orchestrators."),
        ],
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
        openapi_router=schema_router(),
        render_plugins=[JsonRenderPlugin()],
        structs=[*_BODIES, *_ANSWERS, *STREAM_STRUCTS, *reports],
        unions={"ReportJob": reports},
        examples={**EXAMPLES, **STREAM_EXAMPLES, **TOKEN_EXAMPLES},
        streams=STREAMS,
        webhooks={"jobEnded": JOB_ENDED},
    )
