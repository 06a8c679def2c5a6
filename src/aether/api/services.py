"""What the API needs from the rest of the house."""

from collections.abc import Awaitable, Callable

import msgspec

from aether.engine.jobs import Jobs
from aether.engine.notifications import Notifications
from aether.engine.ports import Hub
from aether.engine.webhooks import Webhooks


class Readiness(msgspec.Struct, frozen=True):
    """What a job needs to be made: a store that answers, a worker that was seen lately."""

    redis: bool
    worker: bool


class ApiServices(msgspec.Struct, frozen=True):
    """Everything that handlers call; opened once for each process."""

    jobs: Jobs
    hub: Hub
    readiness: Callable[[], Awaitable[Readiness]]
    notifications: Notifications
    webhooks: Webhooks
