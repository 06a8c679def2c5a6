"""Every command of the pages in docs/ is run, or the test says by what else it is."""

import re
import shutil
from pathlib import Path

import pytest

from tests.service.stack import Stack
from tests.service.test_brief import shell

PAGES = Path(__file__).parents[2] / "docs"
ELSEWHERE = {
    "clients.md": "tests/acceptance/test_clients.py generates the clients and runs its code",
    "identity.md": "test_cli_serve_keys.py makes keys and calls with them; the provider of the tokens is made up",
    "documents.md": "test_cli_export.py runs the commands, test_api_exports.py and test_main_path.py the requests",
    "curl -N http://127.0.0.1:8000/notifications/events": "test_notifications_stream.py; it goes on for ever",
    "redis-cli": "test_queue_upgrade.py sends both commands after a roll-back, through its client",
    "aejt_…": "test_read_tokens.py asks for the token first",
}
# Where the pages send webhooks to, and where there is nobody.
TEMPLATE = {"title": "Market brief", "variables": {"company": {}}, "sections": [{"title": "About {{company}}"}]}
RECEIVER, NOBODY = "https://example.com/hooks/aether", "http://localhost:9/hooks/aether"


def commands_of(page: str) -> list[str]:
    """Return what a reader types: behind `$ ` in a console, with its further lines, or as HTTPie within a sentence."""
    text = (PAGES / page).read_text(encoding="utf-8")
    consoles = "".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    # A command goes on in the next line behind a backslash, or within quotes.
    typed = re.findall(r"^\$ ((?:[^'\\\n]|\\\n|'[^']*')*)$", consoles, re.MULTILINE)
    return typed + re.findall(r"`(http (?:\w+ )?:8000[^`]*)`", text)


EVERY = [(page.name, command) for page in sorted(PAGES.glob("*.md")) for command in commands_of(page.name)]
HERE = [(page, command) for page, command in EVERY if not any(each in f"{page} {command}" for each in ELSEWHERE)]


@pytest.mark.parametrize("command", [pytest.param(command, id=page) for page, command in HERE])
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_a_page_types_is_answered(stack: Stack, command: str) -> None:
    report = stack.submit("The Roman Empire")
    checklist = stack.http.post("/jobs/", json={"input_text": "Wash your hands."}).json()["event_id"]
    stack.http.put("/templates/market-brief", json=TEMPLATE)
    for written, meant in (
        ("http://127.0.0.1:8000", "http://HOST"),
        (":8000", ":PORT"),
        ("0d2f6c1e-…", report),
        ("7b0f6a1e-…", checklist),
        (RECEIVER, NOBODY),
    ):
        command = command.replace(written, meant)

    answer = shell(command, stack)
    stack.http.delete("/webhooks/endpoint")

    # Only what waits for news may have none to tell.
    assert answer or "If-None-Match" in command


def test_only_loops_are_typed_into_a_shell() -> None:
    """They are run as a whole by test_checklist_commands.py; that of PowerShell only where there is one."""
    shells = re.compile(r"^```(?:sh|bash|powershell)\n(?:(?!```).*\n)*?.*(?:curl |Invoke-)", re.MULTILINE)

    assert {page.name for page in PAGES.glob("*.md") if shells.search(page.read_text(encoding="utf-8"))} == {
        "checklists.md"
    }


@pytest.mark.parametrize("words", ELSEWHERE)
def test_only_commands_that_stand_on_a_page_are_left_to_others(words: str) -> None:
    assert [command for page, command in EVERY if words in f"{page} {command}"]


def test_pages_have_commands() -> None:
    assert {page for page, _ in HERE} >= {"checklists.md", "idempotency.md", "inbox.md", "streams.md", "webhooks.md"}
