"""What the API needs from the rest of the house."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection

from aether.api.jobs.response_cache import ResponseCache
from aether.durable.change_hub import ChangeHub
from aether.identity.authenticator import Authenticator
from aether.identity.read_tokens import ReadTokens
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.rate_limit import RateLimiter
from aether.services.webhooks import Webhooks


class Readiness(msgspec.Struct, frozen=True):
    """What a job needs to be made: a store that answers, a worker that was seen lately."""

    redis: bool
    worker: bool


class ApiServices(msgspec.Struct, frozen=True):
    """Everything that handlers call; opened once for each process."""

    jobs: Jobs
    hub: ChangeHub
    readiness: Callable[[], Awaitable[Readiness]]
    notifications: Inbox
    webhooks: Webhooks
    limiter: RateLimiter
    authenticator: Authenticator
    read_tokens: ReadTokens
    cache: ResponseCache = msgspec.field(default_factory=ResponseCache)


def services_of(connection: ASGIConnection[Any, Any, Any, Any]) -> ApiServices:  # Any: it reads nothing of these
    """Return what was opened for this process."""
    services: ApiServices = connection.app.state.services
    return services
