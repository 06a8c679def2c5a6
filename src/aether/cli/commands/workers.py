"""`aether worker`: the worker processes of a service."""

import os
import sys
from functools import partial

from msgspec.structs import replace

from aether.adapters.local.child_process import ChildProcess
from aether.bootstrap.backing_services import backing_services
from aether.cli.local.signals import StopSignal, stop_on_signals
from aether.cli.local.supervisor import keep_running
from aether.errors import ConfigurationError
from aether.settings import Settings

_OVERTIME_S = 3.0
"""What a worker gets beyond the grace of its jobs, to hand back those that are left."""


async def work(settings: Settings) -> None:
    """Run the workers alone, until a signal: one in this process, more in processes of their own."""
    require_redis(settings)
    if settings.worker_processes == 1:
        # Half a second of imports, which a process that only starts others does not need.
        from aether.bootstrap.worker import run_worker  # noqa: PLC0415 - see above

        async with backing_services(settings) as complete:
            await run_worker(complete)
        return
    async with stop_on_signals() as stop, backing_services(settings) as complete:
        await keep_workers(complete, stop)


async def keep_workers(settings: Settings, stop: StopSignal) -> None:
    """Keep as many workers running as the settings say, each a process of its own, until asked to stop.

    Raises:
        ConfigurationError: a worker cannot work as configured.
    """
    await keep_running("worker", partial(_start_worker, settings), settings.worker_processes, stop.asked)


async def _start_worker(settings: Settings) -> ChildProcess:
    return await ChildProcess.start(
        [sys.executable, "-m", "aether", "worker"],
        log=None,
        env=os.environ | replace(settings, worker_processes=1).as_environment(),
        grace_s=settings.shutdown_grace + _OVERTIME_S,
    )


def require_redis(settings: Settings) -> None:
    """Refuse to run half a service without the place where the halves meet."""
    if settings.redis_url is None:
        raise ConfigurationError(
            "Set REDIS_URL: the API and the workers meet there. `aether serve` runs both, with a store of its own."
        )
