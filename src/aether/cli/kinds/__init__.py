"""Kinds: the registry of the command line, one entry for each kind of job."""

from typing import Any

from aether.cli.client.job_kind import JobKind
from aether.domain.job import Kind
from aether.domain.kind_registry import KindRegistry

KINDS: KindRegistry[JobKind[Any]] = KindRegistry(  # Any: kinds differ in the state of their jobs
    "aether.cli.kinds",
    {
        Kind.REPORT: "aether.cli.kinds.report:REPORT",
        Kind.CHECKLIST: "aether.cli.kinds.checklist:CHECKLIST",
        Kind.IMAGE: "aether.cli.kinds.image:IMAGE",
    },
)
