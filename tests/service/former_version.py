"""A worker of an earlier version, whose queue was arq's default; the settings do not allow that name any more."""

import asyncio

from msgspec.structs import replace

from aether.adapters.redis.keys import FORMER_QUEUE
from aether.bootstrap.worker import run_worker
from aether.settings import Settings
from aether.telemetry import configure_logging

if __name__ == "__main__":
    settings = replace(Settings.from_env(), queue=FORMER_QUEUE)
    configure_logging(settings.log_level, settings.log_format)
    asyncio.run(run_worker(settings))
