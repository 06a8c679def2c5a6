"""Derivation: writes the derived sections of a report from its finished ones."""

from functools import partial

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.report_request import ReportRequest
from aether.durable.run import Run
from aether.workflows.report.draft import Draft
from aether.workflows.report.ports import Writer

DERIVED_STEP = "derived:"
"""Beginning of the names of the steps of derived sections."""


def derivation_steps(request: ReportRequest) -> tuple[str, ...]:
    """Name the steps of the derived sections that the request asks for."""
    return tuple(f"{DERIVED_STEP}{kind}" for kind in request.derived)


async def derive(run: Run, draft: Draft, writer: Writer) -> dict[DerivedKind, DerivedSection]:
    """Write all derived sections at the same time, if the request asks for any."""
    kinds = draft.request.derived
    if not kinds:
        return {}
    titles = [kind.heading for kind in kinds]
    write = partial(writer.derive, draft)
    return dict(zip(kinds, await run.fan_out("derived", kinds, write, DerivedSection, titles, kinds), strict=True))
