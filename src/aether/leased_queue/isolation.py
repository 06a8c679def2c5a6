"""Nothing that a job or a hook does may end the worker."""

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


def isolate_job(coroutine: WorkerCoroutine) -> WorkerCoroutine:
    """The same job function, marked as started in its claim and unable to stop the event loop."""

    @functools.wraps(coroutine)
    async def contained(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> Any:  # arq's own signature
        if (claim := current_claim.get(None)) is not None:
            claim.started = True
        try:
            return await coroutine(ctx, *args, **kwargs)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:
            raise JobExitedError(error) from error

    return contained


def isolate_functions(functions: Mapping[str, Function | CronJob]) -> dict[str, Function | CronJob]:
    """`isolate_job` for each of a worker's functions."""
    return {name: replace(entry, coroutine=isolate_job(entry.coroutine)) for name, entry in functions.items()}


def isolate_hook(hook: StartupShutdown | None) -> StartupShutdown | None:
    """The same hook, whose errors are logged: the job has run by then, and its end must still reach the queue."""
    if hook is None:
        return None
    call: Callable[[dict[Any, Any]], Any] = hook

    @functools.wraps(call)
    async def contained(ctx: dict[Any, Any]) -> None:
        try:
            await call(ctx)
        except Exception:
            _logger.exception("hook %r failed after job %s", call, ctx.get("job_id"))

    return contained
