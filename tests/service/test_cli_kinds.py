"""A kind of job that is registered for the tests has all that the command line does for a kind."""

import re
from typing import Any

from click.testing import CliRunner

from aether.cli.commands.main import aether
from tests.service.fake_api import JOB_ID, FakeApi, Resource, Response

TRANSLATIONS = Resource("/translations", Response(202, {"translationId": JOB_ID}), {"status": "cancelled"})
SPANISH = "Buenos días.\n\nBuenas noches.\n"


def translation(*paragraphs: str, **more: Any) -> Response:
    """A translation of which these paragraphs are finished; the first is the second try."""
    attempt = {"step": "paragraph:0", "attempt": 1, "at": "2030-01-01T00:00:00Z", "error": "Busy."}
    body = {"translationId": JOB_ID, "status": "processing", "paragraphs": paragraphs, "attempts": [attempt]}
    return Response(200, body | more)


RUNNING = translation("Buenos días.", "")
COMPLETED = translation("Buenos días.", "Buenas noches.", status="completed", progress=1.0)
EVENTS = [
    "attempt failed: paragraph:0, try 1: Busy; no further try",
    "paragraph 1/2: 2 words",
    "paragraph 2/2: 2 words",
]


def test_its_command_is_listed() -> None:
    listed = CliRunner().invoke(aether, ["--help"]).stdout
    assert re.search(r"^  translate +Translate the text in FILE, or stdin if it is -\.$", listed, re.MULTILINE)


def test_its_command_submits_a_job_and_delivers_the_result() -> None:
    with FakeApi([RUNNING, COMPLETED], resource=TRANSLATIONS) as api:
        arguments = ["translate", "-", "--language", "Spanish", "--url", api.url]
        result = CliRunner().invoke(aether, arguments, input="Good morning.\n\nGood night.")
    assert (result.exit_code, result.stdout) == (0, SPANISH)
    assert result.stderr.splitlines() == [f"accepted: {api.url}{TRANSLATIONS.job}", *EVENTS]
    assert [request.body for request in api.received("POST", "/translations")] == [
        {"text": "Good morning.\n\nGood night.", "language": "Spanish"}
    ]


def test_a_job_of_it_can_be_watched() -> None:
    with FakeApi([RUNNING, RUNNING, COMPLETED], resource=TRANSLATIONS) as api:
        result = CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url])
    assert (result.exit_code, result.stdout) == (0, SPANISH)
    assert result.stderr.splitlines() == [f"watching: {api.url}{TRANSLATIONS.job}", *EVENTS]


def test_what_is_finished_of_a_failed_one_is_kept() -> None:
    failed = translation("Buenos días.", "", status="failed", error="No.")
    with FakeApi([RUNNING, failed], resource=TRANSLATIONS) as api:
        result = CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url])
    assert result.exit_code == 1
    assert "The translation failed: No. (1 of 2 paragraphs)" in result.stderr
