"""Kind routers: the routers of all kinds, each at its path and its aliases."""

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any, TypeAlias

from litestar import Router

from aether.api.jobs.controller import JobController
from aether.api.jobs.resource import Resource
from aether.api.kinds import KINDS

AnyJobController: TypeAlias = type[JobController[Any, Any, Any, Any, Any, Any, Any]]  # Any: each kind has its own types


def controller_of(resource: Resource) -> AnyJobController:
    """Return the controller of a resource."""
    controller: AnyJobController = resolve_name(resource.controller)
    return controller


def kind_routers() -> Iterator[Router]:
    """Return the routers of all kinds; aliases are not in the OpenAPI document."""
    for resource in KINDS.values():
        for prefix in ("/", *resource.aliases):
            yield Router(prefix, route_handlers=[controller_of(resource)], include_in_schema=prefix == "/")
