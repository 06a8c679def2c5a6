"""Kinds: the registry of the resources, one for each kind of job."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind
from aether.domain.kind_registry import KindRegistry

KINDS: KindRegistry[Resource] = KindRegistry(
    "aether.api.kinds",
    {
        Kind.REPORT: "aether.api.kinds.report.resource:REPORTS",
        Kind.CHECKLIST: "aether.api.kinds.checklist.resource:CHECKLISTS",
        Kind.IMAGE: "aether.api.kinds.image.resource:GENERATIONS",
    },
)


def href(kind: Kind, job_id: str) -> str:
    """Return the path of a job."""
    return KINDS[kind].path_of(job_id)
