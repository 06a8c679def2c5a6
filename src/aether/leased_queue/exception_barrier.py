"""Exception barrier: nothing that a job or a hook raises ends the worker."""

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from arq.cron import CronJob
from arq.typing import StartupShutdown, WorkerCoroutine
from arq.worker import Function

from aether.leased_queue.leases import current_claim

_logger = logging.getLogger(__name__)


class JobExitedError(RuntimeError):
    """A job raised `SystemExit`, `KeyboardInterrupt` or the like, which asyncio would pass on to the whole process."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the job raised {error!r}")


def guard_job(coroutine: WorkerCoroutine) -> WorkerCoroutine:
    """Return a job function that marks its claim as started, and turns what would end the process into an error."""

    @functools.wraps(coroutine)
    async def guarded(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> Any:  # arq's own signature
        if (claim := current_claim.get(None)) is not None:
            claim.is_started = True
        try:
            return await coroutine(ctx, *args, **kwargs)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:
            raise JobExitedError(error) from error

    return guarded


def guard_functions(functions: Mapping[str, Function | CronJob]) -> dict[str, Function | CronJob]:
    """Apply `guard_job` to each of a worker's functions."""
    return {name: replace(entry, coroutine=guard_job(entry.coroutine)) for name, entry in functions.items()}


def guard_hook(hook: StartupShutdown | None) -> StartupShutdown | None:
    """Return a hook that logs its errors: it is called after the job has run, whose end must still reach the queue."""
    if hook is None:
        return None
    call: Callable[[dict[Any, Any]], Any] = hook

    @functools.wraps(call)
    async def guarded(ctx: dict[Any, Any]) -> None:
        try:
            await call(ctx)
        except Exception:
            _logger.exception("hook %r failed after job %s", call, ctx.get("job_id"))

    return guarded
