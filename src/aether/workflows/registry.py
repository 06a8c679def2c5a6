"""Workflow registry: the workflow of each kind of job."""

from aether.domain.job import Kind
from aether.domain.kind_registry import KindRegistry
from aether.workflows.definition import Workflow

WORKFLOWS: KindRegistry[Workflow] = KindRegistry(
    "aether.workflows.registry",
    {
        Kind.REPORT: "aether.workflows.report.recipe:WORKFLOW",
        Kind.CHECKLIST: "aether.workflows.checklist.recipe:WORKFLOW",
        Kind.IMAGE: "aether.workflows.image.recipe:WORKFLOW",
    },
)
