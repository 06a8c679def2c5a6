from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.commands.main import aether
from tests.service.fake_api import (
    BULLETS,
    CHECKLIST_SUCCEEDED,
    CHECKLIST_SUMMARISED,
    CHECKLISTS,
    SUMMARY,
    FakeApi,
    Response,
    checklist_state,
    problem,
)

GUIDELINE = "Wash your\nhands. Größe: * keep raw food apart"
QUOTED = """\
- Hands are washed.
  > Wash your hands.
- Raw food is apart.
  > \\* keep raw food apart
"""


def api(*states: Response, on_submit: Response | None = None) -> FakeApi:
    return FakeApi(states or (CHECKLIST_SUCCEEDED,), resource=CHECKLISTS, on_submit=on_submit)


def run(api: FakeApi, *arguments: str, text: str = GUIDELINE) -> Result:
    return CliRunner().invoke(aether, ["checklist", "-", "--url", api.url, *arguments], input=text.encode())


def test_bullets_go_to_stdout_and_lines_to_stderr() -> None:
    with api(checklist_state("pending"), checklist_state(), CHECKLIST_SUMMARISED, CHECKLIST_SUCCEEDED) as server:
        result = run(server)
    assert (result.exit_code, result.stdout) == (0, f"{BULLETS}\n")
    assert result.stderr.splitlines() == [
        f"accepted: {server.url}{CHECKLISTS.job}",
        "summary: 3 words",
        "checklist: 2 items",
    ]


def test_the_guideline_from_stdin_or_a_file_is_sent_unchanged_and_once(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text(GUIDELINE, encoding="utf-8")
    with api() as server:
        run(server)
        CliRunner().invoke(aether, ["checklist", str(tmp_path / "g.txt"), "--url", server.url])
    assert [request.body for request in server.received("POST", "/jobs")] == [{"input_text": GUIDELINE}] * 2


def test_quotes_are_printed_on_request() -> None:
    with api() as server:
        result = run(server, "--quotes")
    assert (result.exit_code, result.stdout) == (0, QUOTED)


def test_output_is_written_and_its_path_printed(tmp_path: Path) -> None:
    target = tmp_path / "checklist.md"
    with api() as server:
        result = run(server, "-o", str(target), "--quotes")
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_text() == QUOTED


def test_a_poll_sends_the_etag_of_the_last_version() -> None:
    with api(CHECKLIST_SUMMARISED, CHECKLIST_SUMMARISED, CHECKLIST_SUCCEEDED) as server:
        assert run(server).exit_code == 0
    first, second, third = (poll.if_none_match for poll in server.received("GET", CHECKLISTS.job))
    assert first is None
    assert second is not None
    assert second == third


def test_the_summary_of_a_failed_checklist_is_written_beside_the_output(tmp_path: Path) -> None:
    with api(checklist_state("failed", summary=SUMMARY, error="Step 'checklist' gave up.")) as server:
        result = run(server, "-o", str(tmp_path / "list.md"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-2:] == [
        "The checklist failed: Step 'checklist' gave up. (the summary was finished)",
        f"What is finished is in {tmp_path / 'list.partial.md'}",
    ]
    assert (tmp_path / "list.partial.md").read_text() == f"{SUMMARY}\n"


def test_a_checklist_that_another_client_cancelled_is_a_failure() -> None:
    with api(checklist_state("failed", error="cancelled")) as server:
        result = run(server)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("cancelled; the summary was not written yet\n")


@pytest.mark.parametrize(
    ("text", "why"), [(" \n", "stdin is empty."), ("x" * 20_001, "stdin is longer than 20,000 characters.")]
)
def test_an_unusable_guideline_is_a_usage_error_and_nothing_is_sent(text: str, why: str) -> None:
    with api() as server:
        result = run(server, text=text)
    assert result.exit_code == 2
    assert f"Invalid value for FILE: {why}" in result.stderr
    assert server.requests == []


def test_invalid_input_is_an_error_that_names_the_broken_rules() -> None:
    refused = problem(422, "The body is wrong.", errors=[{"field": "input_text", "rule": "must be text"}])
    with api(on_submit=refused) as server:
        result = run(server)
    assert (result.exit_code, result.stderr) == (2, "Error: The body is wrong.\n  input_text: must be text\n")


def test_a_checklist_without_items_is_printed_without_quotes() -> None:
    with api(checklist_state("succeeded", summary=SUMMARY, checklist=BULLETS)) as server:
        assert run(server, "--quotes").stdout == f"{BULLETS}\n"
