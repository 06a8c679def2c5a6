"""A worker that dies of any job whose topic begins with `MARKER`: `python -m tests.chaos.poisoned_worker`."""

import asyncio
import os

from aether.bootstrap import recipes
from aether.domain.report import Report, ReportRequest
from aether.durable.run import Run
from aether.workflows.report.ports import Writer
from aether.workflows.report.recipe import write_report

MARKER = "poison"
_AFTER_S = 0.4


async def deadly(run: Run, request: ReportRequest, writer: Writer) -> Report:
    """Write a report, or end the process while other jobs run in it."""
    if request.topic.startswith(MARKER):
        await asyncio.sleep(_AFTER_S)
        os._exit(70)
    return await write_report(run, request, writer)


if __name__ == "__main__":
    from aether.cli.commands.main import aether

    assert vars(recipes)["write_report"] is write_report
    vars(recipes)["write_report"] = deadly
    aether(["worker"])
