"""Checklist resource: where checklists are, and what they are called."""

from aether.api.jobs.resource import Resource
from aether.domain.job import Kind

CHECKLISTS = Resource(
    kind=Kind.CHECKLIST,
    path="/jobs",
    noun="checklist",
    id_name="event_id",
    about="A guideline in, a checklist out, every item with its source.",
    controller="aether.api.kinds.checklist.controller:Checklists",
    ending="/",
)
