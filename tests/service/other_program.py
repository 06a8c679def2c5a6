"""Another program with arq on the same Redis: `arq tests.service.other_program.WorkerSettings`, with arq's defaults."""

import os
from typing import Any, ClassVar

from arq.connections import RedisSettings


async def send_mail(ctx: dict[Any, Any], number: int) -> None:  # arq's own type
    """Do the work of this program: tell its number."""
    await ctx["redis"].rpush("mails", number)


class WorkerSettings:
    """What arq reads."""

    functions: ClassVar = [send_mail]
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://localhost"))
    poll_delay = 0.05
