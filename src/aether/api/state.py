"""State of the API: the services that guards and handlers call."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection

from aether.documents.rendering import Renderer
from aether.durable.change_hub import ChangeHub
from aether.identity.authenticator import Authenticator
from aether.identity.read_tokens import ReadTokens
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.rate_limit import RateLimiter
from aether.services.templates import Templates
from aether.services.webhooks import Webhooks


class Readiness(msgspec.Struct, frozen=True):
    """Whether jobs can be processed; `missing` says what is missing, as a sentence without its full stop."""

    missing: str | None = None


class ApiServices(msgspec.Struct, frozen=True):
    """The services of this process, opened once when it starts; `model` writes unless a request names another one."""

    jobs: Jobs
    hub: ChangeHub
    readiness: Callable[[], Awaitable[Readiness]]
    notifications: Inbox
    webhooks: Webhooks
    limiter: RateLimiter
    authenticator: Authenticator
    read_tokens: ReadTokens
    templates: Templates
    renderer: Renderer
    model: str = ""


def services_of(
    connection: ASGIConnection[Any, Any, Any, Any],
) -> ApiServices:  # Any: the user, the credentials and the state are not used
    """Return the services of this process."""
    services: ApiServices = connection.app.state.services
    return services
