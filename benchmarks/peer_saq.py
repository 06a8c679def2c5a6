"""A service for reports on Litestar with SAQ, as their documentation has it.

`benchmarks.peers` runs it in an environment of its own: as a module it is the API, and `litestar workers run` starts
its worker.
"""

import os
import sys
from typing import Any

import uvicorn
from litestar import Litestar, get, post
from litestar.exceptions import NotFoundException
from litestar_saq import QueueConfig, SAQConfig, SAQPlugin, TaskQueues
from openai import AsyncOpenAI

from benchmarks.peer_work import KEPT_S, TIMEOUT_S, ReportBody, write_report

_QUEUE = "reports"
_WORDS = {"complete": "completed", "failed": "failed", "aborted": "failed", "active": "processing"}


async def _open(context: dict[str, Any]) -> None:
    context["model"] = AsyncOpenAI()


async def _close(context: dict[str, Any]) -> None:
    await context["model"].close()


async def write(context: dict[str, Any], *, topic: str) -> dict[str, Any]:
    """Run a job; its progress and its result are stored in it."""

    async def set_progress(progress: float) -> None:
        await context["job"].update(progress=progress)

    return await write_report(context["model"], topic, set_progress)


@post("/reports", status_code=202)
async def create(data: ReportBody, task_queues: TaskQueues) -> dict[str, str]:
    """Queue a job."""
    job = await task_queues.get(_QUEUE).enqueue("write", topic=data.topic, timeout=TIMEOUT_S, retries=3, ttl=KEPT_S)
    if job is None:
        raise RuntimeError
    return {"jobId": job.key}


@get("/reports/{job_id:str}")
async def read(job_id: str, task_queues: TaskQueues) -> dict[str, Any]:
    """Show a job."""
    job = await task_queues.get(_QUEUE).job(job_id)
    if job is None:
        raise NotFoundException
    status = _WORDS.get(job.status, "pending")
    return {"jobId": job_id, "status": status, "progress": job.progress, "report": job.result, "error": job.error}


def _app() -> Litestar:
    queue = QueueConfig(dsn=os.environ["REDIS_URL"], name=_QUEUE, tasks=[write], startup=_open, shutdown=_close)
    plugin = SAQPlugin(SAQConfig(use_server_lifespan=False, queue_configs=[queue]))
    return Litestar(route_handlers=[create, read], plugins=[plugin])


app = _app()

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_config=None, access_log=False)
