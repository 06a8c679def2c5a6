"""Checklist resource: its path and its names."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

CHECKLISTS = Resource(
    kind=Kind.CHECKLIST,
    path="/jobs",
    noun="checklist",
    id_name="event_id",
    about="From a guideline to a checklist. Each item quotes its source.",
    controller="aether.api.kinds.checklist.controller:Checklists",
    ending="/",
)
