"""Everything that a client made by openapi-generator does with the service; it raises where something is wrong."""

import os
import time
from collections.abc import Callable
from uuid import UUID, uuid4

from aether_openapi import (
    ApiClient,
    ApiException,
    ChecklistBody,
    ChecklistsApi,
    ChecklistStatus,
    Configuration,
    GenerationBody,
    GenerationsApi,
    GenerationStatus,
    Length,
    ProblemDetails,
    ReportAccepted,
    ReportBody,
    ReportBodyOutlineInner,
    ReportCompleted,
    ReportInProgress,
    ReportsApi,
    RetryBody,
    SectionBody,
    TemplateBody,
    TemplatesApi,
    TemplateSectionBody,
    VariableBody,
)

URL, KEY = os.environ["AETHER_URL"], os.environ["AETHER_KEY"]
client = ApiClient(Configuration(host=URL, access_token=KEY))
reports, checklists, generations = ReportsApi(client), ChecklistsApi(client), GenerationsApi(client)
templates = TemplatesApi(client)


def submit(topic: str) -> UUID:
    """Ask for a report."""
    return ask(ReportBody(topic=topic))


def ask(body: ReportBody) -> UUID:
    """Ask for a report with wishes."""
    accepted = reports.create_report(body, idempotency_key=str(uuid4()))
    assert isinstance(accepted, ReportAccepted), accepted
    return accepted.job_id


def completed(job_id: UUID) -> ReportCompleted:
    """Return the report's job when it has ended."""
    while isinstance(job := reports.get_report(job_id).actual_instance, ReportInProgress):
        time.sleep(0.05)
    assert isinstance(job, ReportCompleted), job
    return job


def problem(call: Callable[[], object], status: int) -> ProblemDetails:
    """Return what is wrong; it is typed."""
    try:
        call()
    except ApiException as error:
        refused = error
    else:
        raise AssertionError(status)
    assert isinstance(refused.data, ProblemDetails), refused
    assert (refused.status, refused.data.status) == (status, status)
    return refused.data


def use_templates() -> None:
    """A template stored, read, used and deleted; and an outline of titles and planned sections."""
    sections = [TemplateSectionBody(title="About {{company}}"), TemplateSectionBody(title="Outlook")]
    body = TemplateBody(title="Market brief", sections=sections, variables={"company": VariableBody()})
    stored = templates.set_template("market-brief", body)
    assert [section.title for section in templates.get_template(stored.reference).sections] == [
        section.title for section in sections
    ]
    written = ask(ReportBody(topic="Bicycles", template=stored.reference, variables={"company": "ACME"}))
    assert completed(written).report.outline == ["I. About ACME", "II. Outlook"]
    reports.delete_report(written)
    templates.delete_template(stored.reference)
    problem(lambda: templates.get_template(stored.reference), 404)

    planned = SectionBody(title="Fall", covers="How it ended.", length=Length.BRIEF)
    outline = [ReportBodyOutlineInner("Rise"), ReportBodyOutlineInner(planned)]
    written = ask(ReportBody(topic="Rome", outline=outline))
    assert completed(written).report.outline == ["I. Rise", "II. Fall"]
    reports.delete_report(written)


def write_reports() -> None:
    """From acceptance to the end; another one stopped, and taken up again."""
    written = submit("Rome")
    report = completed(written).report
    assert list(report.sections) == report.outline
    assert "event: completed" in reports.stream_report(written)

    stopped = submit("Carthage")
    assert reports.cancel_report(stopped).actual_instance.status == "cancelled"
    assert isinstance(reports.retry_report(stopped, RetryBody(max_tokens=99_999)).actual_instance, ReportInProgress)
    completed(stopped)

    assert [written, stopped] == [job.job_id for job in reversed(pages())]
    for job_id in (written, stopped):
        reports.delete_report(job_id)
    assert pages() == []
    gone = problem(lambda: reports.get_report(written), 404)
    assert gone.type == "urn:aether:problem:unknown-job"


def pages() -> list[object]:
    """Return all jobs, one a page."""
    page = reports.list_reports(limit=1)
    jobs = list(page.reports)
    while page.next_cursor:
        page = reports.list_reports(limit=1, cursor=page.next_cursor)
        jobs += page.reports
    return jobs


def make_a_checklist() -> None:
    """From a guideline to its items."""
    event_id = checklists.create_checklist(ChecklistBody(input_text="Wash your hands before meals.")).event_id
    while (job := checklists.get_checklist(event_id)).status in {ChecklistStatus.PENDING, ChecklistStatus.RUNNING}:
        time.sleep(0.05)
    assert job.checklist.startswith("- ")


def make_an_image() -> None:
    """From a prompt to bytes."""
    generation_id = generations.create_generation(GenerationBody(prompt="A lighthouse", count=1)).generation_id
    while generations.get_generation(generation_id).status == GenerationStatus.PENDING:
        time.sleep(0.05)
    assert generations.get_generation_image(generation_id, 0).startswith(b"\x89PNG")


def be_refused() -> None:
    """Errors carry a problem of a type of their own."""
    broken = problem(lambda: reports.list_reports(cursor="nonsense"), 422)
    assert [rule.var_field for rule in broken.errors] == ["cursor"]
    problem(lambda: reports.get_report(uuid4()), 404)
    stranger = ReportsApi(ApiClient(Configuration(host=URL, access_token="aether_nobody")))
    problem(stranger.list_reports, 401)


write_reports()
use_templates()
make_a_checklist()
make_an_image()
be_refused()
