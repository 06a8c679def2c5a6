"""Checklist examples: a checklist with each status, and an event, for the OpenAPI document."""

from msgspec.structs import replace

from aether.api.http import sse
from aether.api.jobs.examples import (
    NO_WORKER,
    TIMEOUT_DETAIL,
    Examples,
    example_job,
    example_token,
    finished_step,
    first_page,
)
from aether.api.kinds.checklist.events import SummaryNews
from aether.api.kinds.checklist.resource import CHECKLISTS
from aether.api.kinds.checklist.schemas import ChecklistAccepted, ChecklistToken, checklist_job, checklist_page
from aether.domain.checklist import Checklist, Item, Summary
from aether.domain.job import Kind, Problem, Status, Usage

_GUIDELINE = {"input_text": "Wash your hands before meals.\nKeep raw and cooked food apart."}
_SUMMARISED = finished_step("summary", Summary("Clean hands before food; raw and cooked food apart."))
_LISTED = finished_step(
    "checklist",
    Checklist(
        (
            Item("Wash your hands before meals.", "Wash your hands before meals."),
            Item("Separate raw from cooked food.", "Keep raw and cooked food apart."),
        )
    ),
)
_JOB = replace(
    example_job(Kind.CHECKLIST, _GUIDELINE), version=4, total=2, steps=(_SUMMARISED,), usage=Usage(2, 640, 810)
)
_PENDING = replace(_JOB, status=Status.PENDING, version=1, total=0, steps=())
_COMPLETED = replace(_JOB, status=Status.COMPLETED, version=6, steps=(_SUMMARISED, _LISTED))
_FAILED = replace(
    _JOB, status=Status.FAILED, problem=Problem("model-failed", f"Checklist failed: {TIMEOUT_DETAIL}", "checklist")
)

CHECKLIST_EXAMPLES: Examples = {
    "ChecklistBody": {"guideline": _GUIDELINE},
    "ChecklistAccepted": {"accepted": ChecklistAccepted(_JOB.id)},
    "ChecklistJob": {
        "pending": checklist_job(_PENDING),
        "noWorker": checklist_job(_PENDING, NO_WORKER),
        "running": checklist_job(_JOB),
        "succeeded": checklist_job(_COMPLETED),
        "failed": checklist_job(_FAILED),
        "cancelled": checklist_job(replace(_JOB, status=Status.CANCELLED)),
    },
    "ChecklistPage": {"page": checklist_page(first_page(_COMPLETED))},
    "ChecklistRetryBody": {"longer": {"deadline_seconds": 7_200}, "same": {}},
    "ChecklistTokenBody": {"usual": {}, "brief": {"expires_in": 60}},
    "ChecklistToken": {"issued": example_token(ChecklistToken, CHECKLISTS)},
    "ChecklistEvent": {"summary": sse.event("summary", SummaryNews("Clean hands before food."), 4).decode()},
}
