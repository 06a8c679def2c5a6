"""What the OpenAPI document shows as examples: a job at each status, as the API itself would answer it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from aether.api.views import ReportAccepted, report_job
from aether.domain.job import Attempt, Job, Kind, Problem, Status, Step, StepStatus, Usage
from aether.domain.report import Outline, OutlineItem, Section

_ID = "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11"
_BEGUN = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_OUTLINE = Outline((OutlineItem("From Village to Republic"), OutlineItem("The Age of the Emperors")))
_OUTLINED = Step(
    "outline",
    status=StepStatus.DONE,
    attempts=1,
    started_at=_BEGUN,
    finished_at=_BEGUN + timedelta(seconds=2),
    result=Raw(msgspec.json.encode(_OUTLINE)),
)


def _section(position: int, text: str | None) -> Step:
    begun = Step(
        f"section:{position}",
        position + 1,
        StepStatus.RUNNING,
        _OUTLINE.headings[position],
        attempts=1,
        started_at=_BEGUN + timedelta(seconds=2),
    )
    if text is None:
        return begun
    result = Raw(msgspec.json.encode(Section(text)))
    return replace(begun, status=StepStatus.DONE, finished_at=_BEGUN + timedelta(seconds=9), result=result)


_FIRST = _section(0, "Rome began as a village on the Tiber …")
_JOB = Job(
    id=_ID,
    kind=Kind.REPORT,
    owner="local",
    input=Raw(b'{"topic":"The Roman Empire","sections":2}'),
    status=Status.PROCESSING,
    version=7,
    epoch=2,
    created_at=_BEGUN,
    queued_at=_BEGUN,
    updated_at=_BEGUN + timedelta(seconds=9),
    expires_at=_BEGUN + timedelta(days=1, seconds=9),
    total=3,
    steps=(_OUTLINED, _FIRST, _section(1, None)),
    usage=Usage(2, 640, 810),
)
_TIMEOUT = "The model server could not be reached: timeout."
_COMPLETED = replace(
    _JOB, status=Status.COMPLETED, version=9, steps=(_OUTLINED, _FIRST, _section(1, "Augustus kept the forms …"))
)
_FAILED = replace(
    _JOB,
    status=Status.FAILED,
    version=12,
    steps=(_OUTLINED, _FIRST, replace(_section(1, None), status=StepStatus.FAILED)),
    attempts=(Attempt("section:1", 1, _BEGUN + timedelta(seconds=5), _TIMEOUT),),
    problem=Problem("model-failed", f"II. The Age of the Emperors failed: {_TIMEOUT}", "section:1"),
)
_PENDING = replace(_JOB, status=Status.PENDING, version=1, total=0, steps=(Step("outline"),), usage=Usage())

EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "ReportBody": {
        "topicOnly": {"topic": "The Roman Empire"},
        "withWishes": {
            "topic": "The Roman Empire",
            "outline": ["From Village to Republic", "The Age of the Emperors"],
            "language": "English",
            "tone": "dry and precise",
            "audience": "secondary school",
            "length": "brief",
            "instructions": "Name a date for every claim.",
            "metadata": {"project": "history"},
        },
    },
    "ReportAccepted": {"accepted": ReportAccepted(_ID)},
    "ReportJob": {
        "pending": report_job(_PENDING),
        "processing": report_job(_JOB),
        "completed": report_job(_COMPLETED),
        "failed": report_job(_FAILED),
        "cancelled": report_job(replace(_JOB, status=Status.CANCELLED, version=8)),
    },
    "Live": {"live": {"status": "ok"}},
    "Ready": {"ready": {"status": "ready", "redis": "ok", "worker": "ok"}},
}
