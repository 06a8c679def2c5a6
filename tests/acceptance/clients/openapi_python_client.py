"""Everything that a client made by openapi-python-client does with the service; it raises where something is wrong."""

import os
import time
from uuid import UUID, uuid4

from aether_client import AuthenticatedClient
from aether_client.api.checklists import create_checklist, get_checklist
from aether_client.api.generations import create_generation, get_generation, get_generation_image
from aether_client.api.reports import (
    cancel_report,
    create_report,
    delete_report,
    get_report,
    list_reports,
    retry_report,
    stream_report,
)
from aether_client.api.templates import delete_template, get_template, set_template
from aether_client.models import (
    ChecklistAccepted,
    ChecklistBody,
    ChecklistJob,
    ChecklistStatus,
    GenerationAccepted,
    GenerationBody,
    GenerationJob,
    GenerationStatus,
    Length,
    ProblemDetails,
    ReportAccepted,
    ReportBody,
    ReportBodyVariables,
    ReportCancelled,
    ReportCompleted,
    ReportInProgress,
    ReportLine,
    ReportPage,
    RetryBody,
    SectionBody,
    TemplateBody,
    TemplateBodyVariables,
    TemplateSectionBody,
    TemplateView,
    VariableBody,
)
from aether_client.types import File, Unset

URL, KEY = os.environ["AETHER_URL"], os.environ["AETHER_KEY"]
client = AuthenticatedClient(base_url=URL, token=KEY)

VARIABLES = TemplateBodyVariables()
VARIABLES["company"] = VariableBody()
TEMPLATE = TemplateBody(
    title="Market brief",
    sections=[TemplateSectionBody(title="About {{company}}"), TemplateSectionBody(title="Outlook")],
    variables=VARIABLES,
)


def submit(topic: str) -> UUID:
    """Ask for a report."""
    return ask(ReportBody(topic=topic))


def ask(body: ReportBody) -> UUID:
    """Ask for a report with wishes."""
    accepted = create_report.sync(client=client, body=body, idempotency_key=str(uuid4()))
    assert isinstance(accepted, ReportAccepted), accepted
    return accepted.job_id


def completed(job_id: UUID) -> ReportCompleted:
    """Return the report's job when it has ended."""
    while isinstance(job := get_report.sync(job_id, client=client), ReportInProgress):
        time.sleep(0.05)
    assert isinstance(job, ReportCompleted), job
    return job


def problem(answer: object, status: int) -> ProblemDetails:
    """Return what is wrong; it is typed."""
    assert isinstance(answer, ProblemDetails), answer
    assert answer.status == status
    return answer


def use_templates() -> None:
    """A template stored, read, used and deleted; and an outline of titles and planned sections."""
    stored = set_template.sync("market-brief", client=client, body=TEMPLATE)
    assert isinstance(stored, TemplateView), stored
    shown = get_template.sync(stored.reference, client=client)
    assert isinstance(shown, TemplateView), shown
    assert [section.title for section in shown.sections] == ["About {{company}}", "Outlook"]
    variables = ReportBodyVariables.from_dict({"company": "ACME"})
    written = ask(ReportBody(topic="Bicycles", template=stored.reference, variables=variables))
    assert completed(written).report.outline == ["I. About ACME", "II. Outlook"]
    assert delete_report.sync(written, client=client) is None
    assert delete_template.sync(stored.reference, client=client) is None
    problem(get_template.sync(stored.reference, client=client), 404)

    planned = SectionBody(title="Fall", covers="How it ended.", length=Length.BRIEF)
    written = ask(ReportBody(topic="Rome", outline=["Rise", planned]))
    assert completed(written).report.outline == ["I. Rise", "II. Fall"]
    assert delete_report.sync(written, client=client) is None


def write_reports() -> None:
    """From acceptance to the end; another one stopped, and taken up again."""
    written = submit("Rome")
    report = completed(written).report
    assert list(report.sections.additional_properties) == report.outline
    assert "event: completed" in str(stream_report.sync(written, client=client))

    stopped = submit("Carthage")
    assert isinstance(cancel_report.sync(stopped, client=client), ReportCancelled)
    assert isinstance(retry_report.sync(stopped, client=client, body=RetryBody(max_tokens=99_999)), ReportInProgress)
    completed(stopped)

    assert [written, stopped] == [job.job_id for job in reversed(pages())]
    for job_id in (written, stopped):
        assert delete_report.sync_detailed(job_id, client=client).status_code == 204
    assert pages() == []
    gone = problem(get_report.sync(written, client=client), 404)
    assert gone.type_ == "urn:aether:problem:unknown-job"


def pages() -> list[ReportLine]:
    """Return all jobs, one a page."""
    page = list_reports.sync(client=client, limit=1)
    assert isinstance(page, ReportPage)
    jobs = list(page.reports)
    while not isinstance(page.next_cursor, Unset):
        page = list_reports.sync(client=client, limit=1, cursor=page.next_cursor)
        assert isinstance(page, ReportPage)
        jobs += page.reports
    return jobs


def make_a_checklist() -> None:
    """From a guideline to its items."""
    accepted = create_checklist.sync(client=client, body=ChecklistBody(input_text="Wash your hands before meals."))
    assert isinstance(accepted, ChecklistAccepted)
    while True:
        job = get_checklist.sync(accepted.event_id, client=client)
        assert isinstance(job, ChecklistJob)
        if job.status not in {ChecklistStatus.PENDING, ChecklistStatus.RUNNING}:
            break
        time.sleep(0.05)
    assert str(job.checklist).startswith("- ")


def make_an_image() -> None:
    """From a prompt to bytes."""
    accepted = create_generation.sync(client=client, body=GenerationBody(prompt="A lighthouse", count=1))
    assert isinstance(accepted, GenerationAccepted)
    while True:
        job = get_generation.sync(accepted.generation_id, client=client)
        assert isinstance(job, GenerationJob)
        if job.status is not GenerationStatus.PENDING:
            break
        time.sleep(0.05)
    image = get_generation_image.sync(accepted.generation_id, 0, client=client)
    assert isinstance(image, File)
    assert image.payload.read().startswith(b"\x89PNG")


def be_refused() -> None:
    """Errors are values of a type of their own."""
    broken = problem(create_report.sync(client=client, body=ReportBody(topic=" ")), 422)
    assert not isinstance(broken.errors, Unset)
    assert [rule.field for rule in broken.errors] == ["topic"]
    problem(get_report.sync(uuid4(), client=client), 404)
    stranger = AuthenticatedClient(base_url=URL, token="aether_nobody")
    problem(list_reports.sync(client=stranger), 401)


write_reports()
use_templates()
make_a_checklist()
make_an_image()
be_refused()
