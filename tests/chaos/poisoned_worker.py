"""A worker that dies of any job whose topic begins with `MARKER`: `python -m tests.chaos.poisoned_worker`."""

import asyncio
import os
from functools import partial

from msgspec.structs import replace

from aether.domain.job import Kind
from aether.domain.report import Report
from aether.domain.report_request import ReportRequest
from aether.durable.run import Run
from aether.workflows.registry import WORKFLOWS
from aether.workflows.report.ports import Writer
from aether.workflows.report.recipe import WORKFLOW, write_report
from aether.workflows.report.writer import ModelWriter

MARKER = "poison"
_AFTER_S = 0.4


async def deadly(run: Run, request: ReportRequest, writer: Writer) -> Report:
    """Write a report, or end the process while other jobs run in it."""
    if request.topic.startswith(MARKER):
        await asyncio.sleep(_AFTER_S)
        os._exit(70)
    return await write_report(run, request, writer)


DEADLY = replace(WORKFLOW, make=lambda ports: partial(deadly, writer=ModelWriter(ports.chat)))

if __name__ == "__main__":
    from aether.cli.commands.main import aether

    with WORKFLOWS.registered(Kind.REPORT, "tests.chaos.poisoned_worker:DEADLY"):
        aether(["worker"])
