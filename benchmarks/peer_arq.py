"""A service for reports on Litestar with stock arq, as their documentation has it.

`benchmarks.peers` runs it: as a module it is the API, and `arq benchmarks.peer_arq.WorkerSettings` is its worker.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from arq import create_pool
from arq.connections import RedisSettings
from arq.jobs import Job, JobStatus
from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from openai import AsyncOpenAI

from benchmarks.peer_work import KEPT_S, TIMEOUT_S, ReportBody, write_report

_REDIS = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://127.0.0.1"))
_PROGRESS = "progress:"


async def write(context: dict[str, Any], topic: str) -> dict[str, Any]:
    """Run a job; arq stores its result, and has no place for progress."""

    async def set_progress(progress: float) -> None:
        await context["redis"].set(_PROGRESS + context["job_id"], progress, ex=KEPT_S)

    return await write_report(context["model"], topic, set_progress)


async def _open(context: dict[str, Any]) -> None:
    context["model"] = AsyncOpenAI()


async def _close(context: dict[str, Any]) -> None:
    await context["model"].close()


class WorkerSettings:
    """The worker."""

    functions = (write,)
    redis_settings = _REDIS
    on_startup = _open
    on_shutdown = _close
    job_timeout = TIMEOUT_S
    keep_result = KEPT_S


@post("/reports", status_code=202)
async def create(data: ReportBody, state: State) -> dict[str, str]:
    """Queue a job."""
    job = await state.redis.enqueue_job("write", data.topic)
    return {"jobId": job.job_id}


@get("/reports/{job_id:str}")
async def read(job_id: str, state: State) -> dict[str, Any]:
    """Show a job."""
    job = Job(job_id, state.redis)
    ended = await job.result_info()
    if ended is not None:
        word = "completed" if ended.success else "failed"
        return {"jobId": job_id, "status": word, "progress": 1.0, "report": ended.result if ended.success else None}
    status = await job.status()
    if status is JobStatus.not_found:
        raise NotFoundException
    progress = await state.redis.get(_PROGRESS + job_id)
    word = "processing" if status is JobStatus.in_progress else "pending"
    return {"jobId": job_id, "status": word, "progress": float(progress or 0)}


@asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    app.state.redis = await create_pool(_REDIS)
    yield
    await app.state.redis.aclose()


if __name__ == "__main__":
    app = Litestar([create, read], lifespan=[_connected])
    uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_config=None, access_log=False)
