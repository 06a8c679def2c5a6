"""The API's root."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import get_args

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server, Tag
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from aether.api import edge
from aether.api.authentication import authenticate, caller_of
from aether.api.checklist_views import ChecklistAccepted, ChecklistJob, ChecklistPage
from aether.api.checklists import ChecklistBody, ChecklistRetryBody, checklists_router
from aether.api.declaring import operation_id
from aether.api.decoding import StrictRequest
from aether.api.docs import docs_router
from aether.api.entrance import refuse_host, refuse_query
from aether.api.examples import EXAMPLES
from aether.api.generation_views import GenerationAccepted, GenerationJob, GenerationPage
from aether.api.generations import GenerationBody, generations_router
from aether.api.health import Live, Ready, health_router
from aether.api.limits import RetryBody
from aether.api.notifications import (
    AcknowledgeBody,
    Acknowledged,
    NotificationItem,
    NotificationPage,
    notifications_router,
)
from aether.api.openapi import ApiDocument, description, schema_router
from aether.api.problems import EXCEPTION_HANDLERS, AnyRequest, ProblemDetails
from aether.api.report_views import ReportAccepted, ReportJob, ReportPage
from aether.api.reports import ReportBody, reports_router
from aether.api.services import ApiServices, Readiness
from aether.api.stream_document import STREAM_EXAMPLES, STREAM_STRUCTS, STREAMS
from aether.api.webhook_document import JOB_ENDED
from aether.api.webhook_views import Delivery, DeliveryPage, Endpoint, Secrets, WebhookBody
from aether.api.webhooks import webhooks_router
from aether.bootstrap.api import api_services
from aether.domain.webhook import JobEnded
from aether.engine.jobs import Jobs
from aether.engine.notifications import Notifications
from aether.engine.ports import Hub
from aether.engine.webhooks import Webhooks
from aether.settings import Settings


class Api(Litestar):
    """Litestar with the edge around it, where also what no route matches passes through."""

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Answer a request, or go through a lifespan."""
        if scope["type"] == ScopeType.HTTP:
            # The scope's type tells which receive and send these are.
            await edge.serve(super().__call__, scope, receive, send)  # type: ignore[arg-type]
        else:
            await super().__call__(scope, receive, send)

    def end_waiting(self) -> None:
        """End all streams and long polls at once, for good; those that come later wait for nothing."""
        _services(self.state).hub.close()


_BODIES = (ReportBody, RetryBody, ChecklistBody, ChecklistRetryBody, GenerationBody, AcknowledgeBody, WebhookBody)
_ANSWERS = (
    *(ReportAccepted, ReportPage, ChecklistAccepted, ChecklistJob, ChecklistPage),
    *(NotificationItem, NotificationPage, Acknowledged),
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

    return Api(
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
        guards=[refuse_host, authenticate, refuse_query],
        before_send=[edge.allow_every_method],
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=settings.max_body,
        openapi_config=_document(),
        # Litestar's own logging would repeat what the edge and the problem table say, with bodies in it.
        logging_config=None,
        debug=False,
    )


def _routers() -> list[Router]:
    return [
        reports_router("/", in_schema=True),
        reports_router("/api/v1", in_schema=False),
        checklists_router,
        generations_router,
        notifications_router,
        webhooks_router,
        health_router,
        docs_router,
    ]


def _jobs(state: State) -> Jobs:
    return _services(state).jobs


def _hub(state: State) -> Hub:
    return _services(state).hub


def _readiness(state: State) -> Callable[[], Awaitable[Readiness]]:
    return _services(state).readiness


def _notifications(state: State) -> Notifications:
    return _services(state).notifications


def _webhooks(state: State) -> Webhooks:
    return _services(state).webhooks


def _services(state: State) -> ApiServices:
    services: ApiServices = state.services
    return services


def _owner(request: AnyRequest) -> str:
    """Name whose jobs a request is about."""
    return caller_of(request).owner


def _document() -> ApiDocument:
    reports = get_args(ReportJob)
    return ApiDocument(
        title="Aether",
        version=version("aether"),
        description=description(),
        license=License("MIT", identifier="MIT"),
        security=[],
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
        examples={**EXAMPLES, **STREAM_EXAMPLES},
        streams=STREAMS,
        slashed=("/jobs",),
        webhooks={"jobEnded": JOB_ENDED},
    )
