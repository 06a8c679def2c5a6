"""Structure of a report: its sections and wishes without its texts, as a template for other reports."""

from msgspec import UNSET

from aether.domain.job import Job
from aether.domain.plain_text import shorten
from aether.domain.report import MAX_SECTIONS
from aether.domain.report_request import MAX_COVERS, MAX_TITLE, Length, ReportRequest
from aether.domain.template import SectionKind, Template, TemplateDefaults, TemplateSection
from aether.workflows.report.record import ReportRecord


def template_of_report(job: Job) -> Template:
    """Return a template with the sections of a report that has completed, and with its request's wishes as defaults."""
    record = ReportRecord(job)
    request, outline = record.request, record.outline
    total = len(outline.items)
    sections = []
    for position, item in enumerate(outline.items):
        planned = request.planned.section_at(position, total) if request.planned else None
        sections.append(
            TemplateSection(
                shorten(item.title, MAX_TITLE - 2),
                shorten(item.covers, MAX_COVERS - 2) or UNSET,
                planned.instructions if planned else UNSET,
                planned.length if planned else UNSET,
            )
        )
    sections += (TemplateSection(kind.heading, kind=SectionKind(kind)) for kind in request.derived)
    return Template(request.topic, tuple(sections[:MAX_SECTIONS]), defaults=_defaults(request))


def _defaults(request: ReportRequest) -> TemplateDefaults:
    wishes = {name: getattr(request, name) for name in TemplateDefaults.__struct_fields__}
    return TemplateDefaults(**wishes | {"length": UNSET if request.length == Length.STANDARD else request.length})
