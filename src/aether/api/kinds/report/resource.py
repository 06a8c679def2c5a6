"""Report resource: where reports are, and what they are called."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

REPORTS = Resource(
    kind=Kind.REPORT,
    path="/reports",
    noun="report",
    id_name="jobId",
    about="A topic in, a structured report out.",
    controller="aether.api.kinds.report.controller:Reports",
    aliases=("/api/v1",),
)
