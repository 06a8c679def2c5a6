"""OpenAPI contents: the title, and what each kind of job and each other resource adds to the document."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server, Tag

from aether import __version__
from aether.api.inbox.controller import NotificationItem
from aether.api.jobs.event_presenter import COMMON_EVENTS
from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.api.openapi.callbacks import JOB_ENDED
from aether.api.openapi.description import description
from aether.api.openapi.document import ApiDocument
from aether.api.openapi.examples import EXAMPLES
from aether.api.openapi.operations import operation_id
from aether.api.openapi.route import schema_router
from aether.api.openapi.streams import EventSchemas, events_of_kind
from aether.domain.job import Kind
from aether.domain.webhook import JobEnded

_TAGS = (
    Tag("Notifications", "The jobs that have ended, until you acknowledge them."),
    Tag("Webhooks", "Requests to a server of yours when jobs end."),
    Tag("Templates", "Structures of reports, with variables, in versions that never change."),
    Tag("Health", "For load balancers and orchestrators."),
)


def api_document() -> ApiDocument:
    """Return the configuration of the OpenAPI document."""
    controllers = {resource: controller_of(resource) for resource in KINDS.values()}
    event_types = (each.vocabulary.data_types.values() for each in controllers.values())
    return ApiDocument(
        title="Aether",
        version=__version__,
        description=description(),
        license=License("MIT", url="https://opensource.org/license/mit"),
        servers=[Server("/")],
        tags=[*(Tag(resource.tag, resource.about) for resource in controllers), *_TAGS],
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
        openapi_router=schema_router(),
        render_plugins=[JsonRenderPlugin()],
        structs=[
            JobEnded,
            NotificationItem,
            *COMMON_EVENTS.values(),
            *(each for structs in event_types for each in structs),
        ],
        unions={
            f"{resource.name}Job": structs
            for resource, controller in controllers.items()
            if (structs := _union_members(controller.types["JobT"]))
        },
        examples={**EXAMPLES, **{name: each for kind in controllers.values() for name, each in kind.examples.items()}},
        streams={
            f"stream{resource.name}": events_of_kind(resource.name, controller.vocabulary)
            for resource, controller in controllers.items()
        }
        | {"streamNotifications": EventSchemas("NotificationEvent", {"notification": NotificationItem.__name__})},
        enumerations={Kind.__name__: [*KINDS]},
        webhooks={"jobEnded": JOB_ENDED},
    )


def _union_members(schema: Any) -> tuple[type[msgspec.Struct], ...]:  # Any: a Struct, or a union of several
    return get_args(schema) if get_origin(schema) in (Union, UnionType) else ()
