"""Report examples: a report with each status, and events, for the OpenAPI document."""

from datetime import timedelta

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from aether.api.http import sse
from aether.api.jobs.event_presenter import GapNews, StatusNews
from aether.api.jobs.examples import (
    NO_WORKER,
    STARTED_AT,
    TIMEOUT_DETAIL,
    Examples,
    example_job,
    finished_step,
    first_page,
)
from aether.api.kinds.report.events import DeltaNews, OutlineNews, ReportSummaryNews, SectionNews
from aether.api.kinds.report.quality_schemas import quality_of
from aether.api.kinds.report.schemas import ReportAccepted, report_job, report_page
from aether.domain.derived_section import DerivedSection
from aether.domain.estimate import Estimate
from aether.domain.finding import Finding
from aether.domain.job import Attempt, Kind, Problem, Status, Step, StepStatus, Usage
from aether.domain.report import Outline, OutlineItem, Section
from aether.domain.revision import Rewrite, Verdict
from aether.workflows.report.record import ReportRecord

_OUTLINE = Outline((OutlineItem("From Village to Republic"), OutlineItem("The Age of the Emperors")))
_OUTLINED = finished_step("outline", _OUTLINE)


def _section(position: int, text: str | None) -> Step:
    step = Step(
        f"section:{position}",
        position + 1,
        StepStatus.RUNNING,
        _OUTLINE.headings[position],
        attempts=1,
        started_at=STARTED_AT + timedelta(seconds=2),
    )
    if text is None:
        return step
    result = Raw(msgspec.json.encode(Section(text)))
    return replace(step, status=StepStatus.DONE, finished_at=STARTED_AT + timedelta(seconds=9), result=result)


_FIRST = _section(0, "Rome began as a village on the Tiber …")
_JOB = replace(
    example_job(Kind.REPORT, {"topic": "The Roman Empire", "sections": 2}),
    total=3,
    steps=(_OUTLINED, _FIRST, _section(1, None)),
    usage=Usage(2, 640, 810),
)
_SHORT = Finding("length", 1, "It has 9 words, and about 250 were asked for.", 0.036, 0.4, needs_rewrite=True)
_VERDICT = Verdict((_SHORT,), (1,), ("en", "en"), "stop words")
_REWRITE = Rewrite(Section("Augustus kept the forms …"), 2.0, 0.0, language="en")
_SUMMARY = DerivedSection("From a village, Rome became an empire …")
_COMPLETED = replace(
    _JOB,
    input=msgspec.Raw(b'{"topic":"The Roman Empire","sections":2,"checks":"rewrite","summary":true}'),
    status=Status.COMPLETED,
    version=14,
    total=5,
    steps=(
        _OUTLINED,
        _FIRST,
        _section(1, "Augustus kept the forms."),
        replace(finished_step("check", _VERDICT), order=3),
        replace(finished_step("derived:summary", _SUMMARY), order=4, title="Summary"),
        replace(finished_step("rewrite:1", _REWRITE), order=5, title=_OUTLINE.headings[1]),
    ),
    usage=Usage(5, 2_150, 1_320),
)
_FAILED = replace(
    _JOB,
    status=Status.FAILED,
    version=12,
    steps=(_OUTLINED, _FIRST, replace(_section(1, None), status=StepStatus.FAILED)),
    attempts=(Attempt("section:1", 1, STARTED_AT + timedelta(seconds=5), TIMEOUT_DETAIL),),
    problem=Problem("model-failed", f"II. The Age of the Emperors failed: {TIMEOUT_DETAIL}", "section:1"),
)
_PENDING = replace(_JOB, status=Status.PENDING, version=1, total=0, steps=(Step("outline"),), usage=Usage())
_HEADING = "I. From Village to Republic"

REPORT_EXAMPLES: Examples = {
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
            "checks": "rewrite",
            "summary": {"words": 80},
            "keyPoints": True,
            "metadata": {"project": "history"},
        },
        "withPlannedSections": {
            "topic": "The Roman Empire",
            "outline": [
                "From Village to Republic",
                {
                    "title": "The Age of the Emperors",
                    "covers": "From Augustus to Trajan.",
                    "instructions": "Compare at least three emperors.",
                    "length": "detailed",
                },
            ],
        },
        "withTemplate": {
            "topic": "Electric Bicycles",
            "template": "market",
            "variables": {"region": "Europe", "company": "ACME"},
        },
    },
    "ReportAccepted": {"accepted": ReportAccepted(_JOB.id)},
    "ReportJob": {
        "pending": report_job(_PENDING, Estimate(position=3, seconds_left=41.5)),
        "noWorker": report_job(_PENDING, NO_WORKER),
        "processing": report_job(_JOB),
        "completed": report_job(_COMPLETED),
        "failed": report_job(_FAILED),
        "cancelled": report_job(replace(_JOB, status=Status.CANCELLED, version=8)),
    },
    "ReportPage": {"page": report_page(first_page(_COMPLETED))},
    "ReportEvent": {
        "status": sse.event("status", StatusNews("processing"), 2).decode(),
        "outline": sse.event("outline", OutlineNews((_HEADING,)), 4).decode(),
        "delta": sse.event("section.delta", DeltaNews(0, 1, 10, "as a village")).decode(),
        "section": sse.event("section", SectionNews(0, _HEADING, "Rome began as a village on the Tiber …"), 7).decode(),
        "quality": sse.event("quality", quality_of(ReportRecord(_COMPLETED)), 9).decode(),
        "summary": sse.event("summary", ReportSummaryNews(_SUMMARY.text), 13).decode(),
        "gap": sse.event("gap", GapNews(12, 7)).decode(),
    },
}
