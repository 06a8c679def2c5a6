"""Report manuscript: a report, as far as it is written, for documents."""

import msgspec
from msgspec import UNSET, Raw

from aether.documents.manuscript import Chapter, Manuscript
from aether.domain.job import Job, Status
from aether.domain.report_request import ReportRequest
from aether.domain.stored_request import stored_request_decoder
from aether.workflows.report.record import report_so_far

_decode = stored_request_decoder(ReportRequest).decode


def report_manuscript(job: Job, model: str) -> Manuscript:
    """Return the sections that are finished; `model` is the server's own."""
    request, report = _decode(job.input), report_so_far(job)
    return Manuscript(
        noun="report",
        title=request.topic,
        job_id=job.id,
        created_at=job.created_at,
        is_complete=job.status is Status.COMPLETED,
        language="" if request.language is UNSET else request.language,
        model=model if request.model is UNSET else request.model,
        chapters=tuple(
            Chapter(heading, report.sections[heading]) for heading in report.outline if heading in report.sections
        ),
        missing=tuple(heading for heading in report.outline if heading not in report.sections),
        content=Raw(msgspec.json.encode(report)),
    )
