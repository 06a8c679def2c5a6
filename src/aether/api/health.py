"""Health checks: `/health/live` for the process, `/health/ready` for everything that jobs need."""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from litestar import Router
from litestar.di import NamedDependency

from aether.api.http.problems import NotReadyError
from aether.api.http.route_handler import get
from aether.api.openapi.operations import problems
from aether.api.state import Readiness


class Live(msgspec.Struct, frozen=True):
    """The process is running."""

    status: Literal["ok"] = "ok"


class Ready(msgspec.Struct, frozen=True):
    """Jobs can be processed."""

    status: Literal["ready"] = "ready"
    redis: Literal["ok"] = "ok"
    worker: Literal["ok"] = "ok"


@get(
    "/live",
    summary="Is the process up?",
    response_description="The process is running.",
    responses=problems(public=True),
)
async def get_liveness() -> Live:
    """This checks only the process itself, so that it is not restarted because of problems elsewhere."""
    return Live()


@get(
    "/ready",
    summary="Can jobs be done?",
    response_description="Redis accepts writes, and a worker was seen recently.",
    responses=problems(NotReadyError, public=True),
)
async def get_readiness(readiness: NamedDependency[Callable[[], Awaitable[Readiness]]]) -> Ready:
    """If jobs cannot be processed, the problem's detail says what is missing.

    Redis does not answer, is full, cannot write to its disk, is a read-only replica, may delete jobs or is too old; or
    no worker was seen lately. The answer is up to a second old.
    """
    found = await readiness()
    if found.missing:
        raise NotReadyError(found.missing)
    return Ready()


health_router = Router("/health", route_handlers=[get_liveness, get_readiness], tags=["Health"], opt={"public": True})
