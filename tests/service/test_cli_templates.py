"""`aether templates`, and reports by template, with a real server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.commands.main import aether
from tests.service.fake_api import FakeApi
from tests.service.stack import Stack

MARKDOWN = "# Market brief\n\n## About {{company}}\n\nWhat it sells.\n\nName numbers.\n\n## Outlook\n"


def run(stack: Stack, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(aether, [*arguments, "--url", str(stack.http.base_url)], input=given)


@pytest.fixture
def stored(stack: Stack) -> Result:
    """What storing the template has shown."""
    return run(stack, "templates", "put", "market-brief", "-", given=MARKDOWN)


def test_a_template_is_stored_shown_and_listed(stack: Stack, stored: Result, tmp_path: Path) -> None:
    again = run(stack, "templates", "put", "market-brief", "-", given=MARKDOWN)
    shown = run(stack, "templates", "show", "market-brief")
    (tmp_path / "market.json").write_text(shown.stdout)
    copied = run(stack, "templates", "put", "market-copy", str(tmp_path / "market.json"))
    markdown = run(stack, "templates", "show", "market-copy", "--markdown")
    listed = run(stack, "templates", "list")
    as_json = json.loads(run(stack, "templates", "list", "--json").stdout)

    assert (stored.exit_code, again.stdout, again.stderr) == (
        *(0, stored.stdout, "this version has the same content already\n"),
    )
    assert list(json.loads(shown.stdout)) == ["title", "sections", "variables"]
    assert copied.stdout.startswith("market-copy@")
    assert markdown.stdout == MARKDOWN
    assert "brief@1              Brief  (of the server)" in listed.stdout.splitlines()
    assert {"reference": stored.stdout.strip(), "source": "owner", "title": "Market brief"} in as_json


def test_a_report_is_written_by_a_template(stack: Stack, stored: Result) -> None:
    written = run(
        stack,
        "report",
        "Bicycles",
        "--template",
        stored.stdout.strip(),
        "--var",
        "company=ACME = best",
        "--checks",
        "off",
    )

    assert written.exit_code == 0, written.stderr
    assert "## I. About ACME = best\n" in written.stdout
    assert "## II. Outlook\n" in written.stdout
    asked = {call.title: str(call.body["messages"]) for call in stack.model.calls() if call.topic == "Bicycles"}
    assert asked.keys() == {"About ACME = best", "Outlook"}
    assert [title for title, messages in asked.items() if "Name numbers." in messages] == ["About ACME = best"]


def test_a_template_is_made_from_a_report_and_deleted(stack: Stack) -> None:
    job_id = stack.submit("The Roman Empire")
    stack.http.get(f"/reports/{job_id}", headers={"Prefer": "wait=30"})
    made = run(stack, "templates", "from-report", job_id, "like-rome")
    sections = json.loads(run(stack, "templates", "show", "like-rome").stdout)["sections"]
    deleted = run(stack, "templates", "delete", made.stdout.strip())
    gone = run(stack, "templates", "show", "like-rome")

    outline = stack.http.get(f"/reports/{job_id}").json()["report"]["outline"]
    assert [each["title"] for each in sections] == [heading.partition(". ")[2] for heading in outline]
    assert (deleted.exit_code, deleted.stderr) == (0, f"deleted {made.stdout.strip()}\n")
    assert (gone.exit_code, gone.stderr) == (1, "Error: No template with this name and version exists.\n")


def test_a_report_has_the_sections_of_a_file(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "outline.md").write_text("## Rise\nHow it began.\n\nMention salt.\n\n## Fall\n")
    (tmp_path / "outline.json").write_text('["Rise", {"title": "Fall", "length": "brief"}]')

    for file in ("outline.md", "outline.json"):
        written = run(stack, "report", "Rome", "--outline-file", str(tmp_path / file))
        headings = [line for line in written.stdout.splitlines() if line.startswith("## ")]
        assert headings == ["## I. Rise", "## II. Fall"], written.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--var", "company"], "'company' must be a name and a value, as in company=ACME."),
        (["--var", "=ACME"], "'' must be a name and a value, as in company=ACME."),
        (["--outline-file", "nowhere.md"], "nowhere.md cannot be read (No such file or directory)."),
        (["--outline-file", "EMPTY"], "It has neither a list in JSON nor a heading of the second level (## Title)."),
        (["--outline-file", "BROKEN"], "It is not valid JSON"),
        (["--outline", "Rise", "--outline-file", "EMPTY"], "--outline and --outline-file cannot be used together."),
    ],
)
def test_wrong_options_are_named_before_anything_is_sent(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_text("# Only a title\n")
    (tmp_path / "broken.json").write_text('["Rise",')
    files = {"EMPTY": "empty.md", "BROKEN": "broken.json"}
    arguments = [str(tmp_path / files[each]) if each in files else each for each in arguments]
    with FakeApi() as api:
        result = CliRunner().invoke(aether, ["report", "Rome", *arguments, "--url", api.url])

    assert result.exit_code == 2
    assert message in result.stderr
    assert api.requests == []


def test_a_template_that_breaks_rules_is_wrong_usage(stack: Stack) -> None:
    result = run(stack, "templates", "put", "market-brief", "-", given="# T\n## About {{a b}}\n")

    assert result.exit_code == 2
    assert "sections[0].title: has {{a b}}, which is no variable" in result.stderr
