"""Report manuscript: a report, as far as it is written, for documents."""

import msgspec
from msgspec import UNSET, Raw

from aether.documents.manuscript import Chapter, Manuscript
from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.job import Job, Status
from aether.workflows.report.record import ReportRecord


def report_manuscript(job: Job, model: str) -> Manuscript:
    """Return the sections that are finished, also those derived from others; `model` is the server's own."""
    record = ReportRecord(job)
    request, report, derived = record.request, record.report, record.derived
    summary, conclusion, key_points, glossary = (derived.get(kind, DerivedSection()) for kind in DerivedKind)
    return Manuscript(
        noun="report",
        title=request.topic,
        job_id=job.id,
        created_at=job.created_at,
        is_complete=job.status is Status.COMPLETED,
        language="" if request.language is UNSET else request.language,
        model=model if request.model is UNSET else request.model,
        summary=summary.text,
        key_points=key_points.points,
        chapters=tuple(
            Chapter(heading, report.sections[heading]) for heading in report.outline if heading in report.sections
        ),
        conclusion=conclusion.text,
        glossary=glossary.entries,
        missing=tuple(heading for heading in report.outline if heading not in report.sections),
        missing_derived=tuple(kind for kind in request.derived if kind not in derived),
        content=Raw(msgspec.json.encode(report)),
    )
