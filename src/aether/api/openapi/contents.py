"""OpenAPI contents: the document's head, and what each kind of job and each other resource adds to it."""

from importlib.metadata import version
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server, Tag

from aether.api.inbox.controller import NotificationItem
from aether.api.jobs.event_presenter import COMMON
from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.api.openapi.callbacks import JOB_ENDED
from aether.api.openapi.description import description
from aether.api.openapi.document import ApiDocument
from aether.api.openapi.examples import EXAMPLES
from aether.api.openapi.operations import operation_id
from aether.api.openapi.route import schema_router
from aether.api.openapi.streams import Events, events_of_kind
from aether.domain.job import Kind
from aether.domain.webhook import JobEnded

_TAGS = (
    Tag("Notifications", "What has become of your jobs while you were away."),
    Tag("Webhooks", "The ends of your jobs, told to a server of yours."),
    Tag("Health", "For load balancers and orchestrators."),
)


def api_document() -> ApiDocument:
    """Return the configuration of the OpenAPI document."""
    controllers = {resource: controller_of(resource) for resource in KINDS.values()}
    of_streams = (each.vocabulary.data.values() for each in controllers.values())
    return ApiDocument(
        title="Aether",
        version=version("aether"),
        description=description(),
        license=License("MIT", url="https://opensource.org/license/mit"),
        servers=[Server("/")],
        tags=[*(Tag(resource.tag, resource.about) for resource in controllers), *_TAGS],
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
        openapi_router=schema_router(),
        render_plugins=[JsonRenderPlugin()],
        structs=[JobEnded, NotificationItem, *COMMON.values(), *(each for structs in of_streams for each in structs)],
        unions={
            f"{resource.name}Job": structs
            for resource, controller in controllers.items()
            if (structs := _members_of(controller.types["JobT"]))
        },
        examples={**EXAMPLES, **{name: each for kind in controllers.values() for name, each in kind.examples.items()}},
        streams={
            f"stream{resource.name}": events_of_kind(resource.name, controller.vocabulary)
            for resource, controller in controllers.items()
        }
        | {"streamNotifications": Events("NotificationEvent", {"notification": NotificationItem.__name__})},
        words={Kind.__name__: [*KINDS]},
        webhooks={"jobEnded": JOB_ENDED},
    )


def _members_of(shape: Any) -> tuple[type[msgspec.Struct], ...]:  # Any: a Struct, or a union of several
    return get_args(shape) if get_origin(shape) in (Union, UnionType) else ()
