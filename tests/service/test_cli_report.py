import io
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.client.errors import ServerUnavailableError
from aether.cli.client.job_session import JobSession
from aether.cli.client.server_connection import RemoteServer
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT
from aether.cli.local.signals import StopSignal
from aether.cli.output.progress import LineDisplay
from tests.service.fake_api import (
    JOB_ID,
    REPORT_COMPLETED,
    REPORT_PENDING,
    TEXTS,
    FakeApi,
    Response,
    problem,
    report_state,
)

DOCUMENT = """\
# Rome

## I. Rise

It *rose*.

## II. Rule

It ruled for long.

## III. Fall

It fell.
"""


def run(api: FakeApi, *arguments: str) -> Result:
    return CliRunner().invoke(aether, ["report", "Rome", "--url", api.url, *arguments])


def test_a_job_without_a_worker_says_so_once() -> None:
    alone = {"waitingFor": "worker"}
    waiting = [REPORT_PENDING._replace(body=REPORT_PENDING.body | alone | {"version": version}) for version in (1, 2)]
    with FakeApi([*waiting, report_state(4, 2), REPORT_COMPLETED]) as api:
        result = run(api)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[1:3] == ["waiting: no worker is running", "outline: 3 sections"]


def test_markdown_goes_to_stdout_and_lines_to_stderr() -> None:
    with FakeApi([REPORT_PENDING, report_state(4, 2), REPORT_COMPLETED]) as api:
        result = run(api)
    assert result.exit_code == 0
    assert result.stdout == DOCUMENT
    assert result.stderr.splitlines() == [
        f"accepted: {api.url}/reports/{JOB_ID}",
        "outline: 3 sections",
        "section 1/3: I. Rise (2 words)",
        "section 2/3: II. Rule (4 words)",
        "section 3/3: III. Fall (2 words)",
    ]


def test_every_option_is_sent_under_its_wire_name() -> None:
    options = {
        "sections": 3,
        "language": "German",
        "tone": "dry",
        "audience": "pupils",
        "length": "brief",
        "instructions": "No dates.",
        "model": "m",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with FakeApi() as api:
        assert run(api, *arguments, "--outline", "Rise", "--outline", "Fall").exit_code == 0
    assert api.received("POST", "/reports")[0].body == {"topic": "Rome", "outline": ["Rise", "Fall"], **options}


def test_only_options_that_were_used_are_sent_and_only_once() -> None:
    with FakeApi() as api:
        run(api)
    assert [request.body for request in api.received("POST", "/reports")] == [{"topic": "Rome"}]


def test_a_poll_sends_the_etag_of_the_last_version() -> None:
    with FakeApi([report_state(4, 2), report_state(4, 2), REPORT_COMPLETED]) as api:
        assert run(api).stdout == DOCUMENT
    polls = api.received("GET", f"/reports/{JOB_ID}")
    assert [poll.if_none_match for poll in polls] == [None, '"4"', '"4"']


def test_output_is_written_and_its_path_printed(tmp_path: Path) -> None:
    target = tmp_path / "rome.md"
    target.write_text("old")
    with FakeApi() as api:
        result = run(api, "--output", str(target))
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_text() == DOCUMENT
    assert [file.name for file in tmp_path.iterdir()] == ["rome.md"]


def test_an_impossible_output_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with FakeApi() as api:
        result = run(api, "--output", str(tmp_path / "nowhere" / "rome.md"))
    assert result.exit_code == 2
    assert f"The folder {tmp_path / 'nowhere'} does not exist." in result.stderr
    assert api.requests == []


def test_a_failed_job_shows_the_reason_and_leaves_stdout_empty() -> None:
    with FakeApi([report_state(9, 2, "failed", error="Step 'section:2' gave up.")]) as api:
        result = run(api)
    assert (result.exit_code, result.stdout) == (1, "")
    kept = "What is finished is kept until 2030-01-02 03:04 UTC"
    assert result.stderr.splitlines()[-2:] == [
        "The report failed: Step 'section:2' gave up. (2 of 3 sections were finished)",
        f"{kept}: GET {api.url}/reports/{JOB_ID}, or POST …/retry to go on.",
    ]


def test_finished_sections_of_a_failed_job_are_written_beside_the_output(tmp_path: Path) -> None:
    with FakeApi([report_state(9, 1, "failed", error="No.")]) as api:
        result = run(api, "--output", str(tmp_path / "rome.md"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert [file.name for file in tmp_path.iterdir()] == ["rome.partial.md"]
    assert (tmp_path / "rome.partial.md").read_text() == f"# Rome\n\n## I. Rise\n\n{TEXTS['I. Rise']}\n"


def test_a_job_that_another_client_cancelled_is_a_failure() -> None:
    with FakeApi([report_state(9, 1, "cancelled")]) as api:
        result = run(api)
    assert result.exit_code == 1
    assert "cancelled; 1 of 3 sections were finished\n" in result.stderr


def test_a_failed_attempt_is_shown_with_the_wait() -> None:
    attempt = {
        "step": "section:1",
        "attempt": 1,
        "at": "2030-01-01T00:00:00Z",
        "error": "The model server is overloaded (HTTP 429).",
        "nextRetryAt": "2030-01-01T00:00:02Z",
    }
    with FakeApi([report_state(4, 1, attempts=[attempt]), report_state(9, 3, "completed", attempts=[attempt])]) as api:
        result = run(api)
    message = "attempt failed: II. Rule, try 1: The model server is overloaded (HTTP 429); next try in 2 s"
    assert result.stderr.splitlines().count(message) == 1


def test_a_server_that_is_briefly_unavailable_is_retried() -> None:
    with FakeApi(
        [report_state(4, 1), problem(503, "The job store is unavailable.", {"Retry-After": "1"}), REPORT_COMPLETED]
    ) as api:
        result = run(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert "The job store is unavailable; trying again for up to 60 s\nThe server is back.\n" in result.stderr


async def test_an_unavailable_server_is_retried_for_a_limited_time() -> None:
    shown = io.StringIO()
    with FakeApi([problem(503, "The job store is unavailable.")]) as api:
        session = JobSession(REPORT, RemoteServer(api.url), LineDisplay(shown), StopSignal(), timeout_s=0.2)
        with pytest.raises(ServerUnavailableError, match="The job store is unavailable"):
            await session.run({"topic": "Rome"})
    assert len(api.received("GET", f"/reports/{JOB_ID}")) == 2
    assert shown.getvalue().count("trying again") == 1


def test_invalid_input_is_an_error_that_names_the_broken_rules() -> None:
    refused = problem(422, "The body is wrong.", errors=[{"field": "topic", "rule": "must be 1 to 300 long"}])
    with FakeApi(on_submit=refused) as api:
        result = run(api)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: The body is wrong.\n  topic: must be 1 to 300 long\n"


def test_a_full_queue_is_an_error_without_a_retry() -> None:
    with FakeApi(on_submit=problem(503, "The queue is full (9 jobs are waiting).")) as api:
        result = run(api)
    assert (result.exit_code, result.stderr) == (1, "Error: The queue is full (9 jobs are waiting)\n")
    assert len(api.received("POST", "/reports")) == 1


def test_a_url_without_a_server_is_an_error_of_one_line() -> None:
    with FakeApi() as api:
        url = api.url
    result = CliRunner().invoke(aether, ["report", "Rome", "--url", url])
    assert result.exit_code == 1
    assert result.stderr == f"Error: {url} does not answer (All connection attempts failed)\n"


def test_a_server_of_another_program_is_recognised() -> None:
    with FakeApi(on_submit=Response(200, {"hello": "world"})) as api:
        result = run(api)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {api.url} does not answer like an Aether server.\n"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://example.org"])
def test_a_malformed_url_is_a_usage_error(url: str) -> None:
    assert CliRunner().invoke(aether, ["report", "Rome", "--url", url]).exit_code == 2


def test_the_running_server_of_the_data_directory_is_used(tmp_path: Path) -> None:
    with FakeApi() as api:
        (tmp_path / "server.json").write_text(json.dumps({"url": api.url, "pid": os.getpid()}))
        result = CliRunner().invoke(aether, ["report", "Rome", "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)


def test_a_wrong_setting_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHER_PORT", "many")
    result = CliRunner().invoke(aether, ["report", "Rome"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: AETHER_PORT: ")
    assert len(result.stderr.splitlines()) == 1
