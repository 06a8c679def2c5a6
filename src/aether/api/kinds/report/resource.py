"""Report resource: its path and its names."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

REPORTS = Resource(
    kind=Kind.REPORT,
    path="/reports",
    noun="report",
    id_name="jobId",
    about="From a topic to a structured report.",
    controller="aether.api.kinds.report.controller:Reports",
    aliases=("/api/v1",),
)
