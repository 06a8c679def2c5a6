"""Documents from the command line: `aether report -o FILE`, `aether watch` and `aether export`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.commands.main import aether
from tests.service.fake_api import (
    JOB_ID,
    REPORT_PENDING,
    REPORTS,
    FakeApi,
    Response,
    image_file,
    problem,
    report_state,
)

NO_JOB = "00000000-0000-4000-8000-000000000000"
PDF = image_file("application/pdf", b"%PDF-1.7 \x00 report")
INSTALLED = problem(404, "No job with this id exists; it may have expired.", type="urn:aether:problem:unknown-job")
MISSING = problem(501, "This server cannot write PDF files. Install the extra `pdf`: pip install typst")


def api(*states: Response, available: Response = INSTALLED) -> FakeApi:
    server = FakeApi(states or (REPORT_PENDING, report_state(9, 3, "completed")))
    server.files = {f"/reports/{NO_JOB}/export/pdf": available, f"{REPORTS.job}/export/pdf": PDF}
    return server


def run(server: FakeApi, *arguments: str) -> Result:
    return CliRunner().invoke(aether, [*arguments, "--url", server.url])


def test_a_report_is_written_in_the_format_of_its_file(tmp_path: Path) -> None:
    target = tmp_path / "rome.pdf"
    with api() as server:
        result = run(server, "report", "Rome", "-o", str(target))

    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == PDF.content


def test_a_pipe_gets_the_bytes() -> None:
    with api() as server:
        result = run(server, "report", "Rome", "--format", "pdf")

    assert result.stdout_bytes == PDF.content


@pytest.mark.parametrize(
    ("available", "message"),
    [
        (MISSING, "Error: This server cannot write PDF files. Install the extra `pdf`: pip install typst\n"),
        (
            problem(404, "Nothing is served at this path.", type="urn:aether:problem:not-found"),
            "cannot export documents: it is older than this command.\n",
        ),
        (
            problem(422, "format: must be one of: md, docx, pdf", errors=[]),
            "Error: format: must be one of: md, docx, pdf\n",
        ),
    ],
)
def test_a_format_that_cannot_be_had_is_told_before_the_report_is_asked_for(
    tmp_path: Path, available: Response, message: str
) -> None:
    with api(available=available) as server:
        result = run(server, "report", "Rome", "-o", str(tmp_path / "rome.pdf"))

    assert result.exit_code != 0
    assert result.stderr.endswith(message)
    assert server.received("POST", "/reports") == []
    assert list(tmp_path.iterdir()) == []


def test_a_failed_report_says_how_to_get_what_is_finished(tmp_path: Path) -> None:
    failed = report_state(9, 1, "failed", error="The model failed.")
    with api(failed) as server:
        result = run(server, "report", "Rome", "-o", str(tmp_path / "rome.pdf"))

    assert result.exit_code == 1
    assert f"aether export {JOB_ID} --partial -o {tmp_path / 'rome.pdf'}" in result.stderr


def test_a_job_that_is_watched_is_written_in_the_format_of_its_file(tmp_path: Path) -> None:
    target = tmp_path / "rome.pdf"
    with api() as server:
        result = run(server, "watch", JOB_ID, "-o", str(target))

    assert result.exit_code == 0
    assert target.read_bytes() == PDF.content


def test_a_job_that_exists_is_exported(tmp_path: Path) -> None:
    target = tmp_path / "rome.pdf"
    with api() as server:
        server.files[f"{REPORTS.job}/export/pdf?partial=true"] = image_file("application/pdf", b"partial")
        whole = run(server, "export", JOB_ID, "-o", str(target))
        content = target.read_bytes()
        partial = run(server, "export", JOB_ID, "--partial", "--format", "pdf")

    assert (whole.exit_code, whole.stdout) == (0, f"{target}\n")
    assert content == PDF.content
    assert partial.stdout_bytes == b"partial"


def test_a_job_that_is_not_complete_or_not_there_is_told(tmp_path: Path) -> None:
    with api() as server:
        server.files[f"{REPORTS.job}/export/pdf"] = problem(409, "The job has not completed.")
        running = run(server, "export", JOB_ID, "-o", str(tmp_path / "a.pdf"))
        unknown = run(server, "export", NO_JOB, "-o", str(tmp_path / "a.pdf"))

    assert (running.exit_code, running.stderr) == (1, "Error: The job has not completed.\n")
    assert unknown.exit_code == 1
    assert list(tmp_path.iterdir()) == []
