"""Workers: the processes that `aether worker` runs, and `aether serve` beside its API."""

import sys
from functools import partial

from msgspec.structs import replace

from aether.adapters.local.child_process import ChildProcess
from aether.bootstrap.backing_services import backing_services
from aether.cli.local.signals import StopSignal, stop_on_signals
from aether.cli.local.supervisor import keep_running
from aether.errors import ConfigurationError
from aether.settings import Settings

_STOP_TIMEOUT_S = 3.0
"""The time a worker gets beyond the grace of its jobs, to return unfinished ones to the queue."""


async def work(settings: Settings) -> None:
    """Run the workers until a signal: a single one in this process, several in child processes."""
    require_redis(settings)
    if settings.worker_processes == 1:
        # These imports take half a second, and a process that only starts others does not need them.
        from aether.bootstrap.worker import run_worker  # noqa: PLC0415 - see above

        async with backing_services(settings) as complete:
            await run_worker(complete)
        return
    async with stop_on_signals() as stop, backing_services(settings) as complete:
        await keep_workers(complete, stop)


async def keep_workers(settings: Settings, stop: StopSignal) -> None:
    """Keep as many worker processes running as the settings say, until `stop` is requested.

    Raises:
        ConfigurationError: a worker cannot work as configured.
    """
    await keep_running("worker", partial(_start_worker, settings), settings.worker_processes, stop.requested)


async def _start_worker(settings: Settings) -> ChildProcess:
    return await ChildProcess.start(
        [sys.executable, "-m", "aether", "worker"],
        log=None,
        env=replace(settings, worker_processes=1).child_environment(),
        grace_s=settings.shutdown_grace + _STOP_TIMEOUT_S,
    )


def require_redis(settings: Settings) -> None:
    """Raise if there is no REDIS_URL: API and workers, each run alone, need a store that both can reach."""
    if settings.redis_url is None:
        raise ConfigurationError(
            "Set REDIS_URL: the API and the workers meet there. `aether serve` runs both, with a store of its own."
        )
