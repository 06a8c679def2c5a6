"""A kind of job that is registered for the tests has all that the command line does for a kind."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.commands.main import aether
from aether.cli.kinds import KINDS
from aether.cli.kinds.base import BaseJobState
from aether.cli.kinds.input_file import read_text
from aether.cli.options import output_option, server_options
from aether.cli.output.delivery import DocumentDelivery
from aether.cli.output.markdown import passage
from aether.domain.job import Kind
from tests.service.fake_api import JOB_ID, FakeApi, Resource, Response


class TranslationState(BaseJobState, frozen=True, rename="camel"):
    """The fourth kind, as its author writes it."""

    translation: str | None = None


@click.command()
@click.argument("text", metavar="FILE")
@click.option("--language", required=True)
@output_option("FILE.md", "Write to this file, not to stdout.")
@server_options
def translation(text: str, language: str, url: str | None, data_dir: Path | None, output: Path | None) -> None:
    """Translate the text in FILE."""
    fields = {"text": read_text(text, 1_000), "language": language}
    sys.exit(run_job(TRANSLATION, TRANSLATION.delivery(output), fields, url, data_dir))


def document(state: TranslationState) -> str:
    return f"{passage(state.translation)}\n" if state.translation else ""


TRANSLATION = JobKind(
    name="translation",
    path="/translations",
    id_field="jobId",
    state=TranslationState,
    command=translation,
    delivery=partial(DocumentDelivery, "translation", document),
)


TRANSLATIONS = Resource("/translations", Response(202, {"jobId": JOB_ID}), {"status": "cancelled"})
STEPS = [{"name": "paragraph:0", "status": "done"}, {"name": "paragraph:1", "status": "pending"}]
RUNNING = Response(200, {"jobId": JOB_ID, "status": "processing", "steps": STEPS})
FAILED = Response(200, {"jobId": JOB_ID, "status": "failed", "error": "No.", "steps": STEPS})
COMPLETED = Response(200, {"jobId": JOB_ID, "status": "completed", "translation": "Hände waschen."})


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with KINDS.registered(Kind("translation"), f"{__name__}:TRANSLATION"):
        yield


def test_its_command_is_listed() -> None:
    listed = CliRunner().invoke(aether, ["--help"]).stdout
    assert "  translation  Translate the text in FILE.\n" in listed


def test_its_command_submits_a_job_and_delivers_the_result() -> None:
    with FakeApi([RUNNING, COMPLETED], resource=TRANSLATIONS) as api:
        arguments = ["translation", "-", "--language", "German", "--url", api.url]
        result = CliRunner().invoke(aether, arguments, input="Wash your hands.")
    assert (result.exit_code, result.stdout) == (0, "Hände waschen.\n")
    assert result.stderr.splitlines() == [f"accepted: {api.url}{TRANSLATIONS.job}", "paragraph:0: done"]
    assert [request.body for request in api.received("POST", "/translations")] == [
        {"text": "Wash your hands.", "language": "German"}
    ]


def test_a_job_of_it_can_be_watched() -> None:
    with FakeApi([RUNNING, RUNNING, COMPLETED], resource=TRANSLATIONS) as api:
        result = CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url])
    assert (result.exit_code, result.stdout) == (0, "Hände waschen.\n")
    assert result.stderr.splitlines() == [f"watching: {api.url}{TRANSLATIONS.job}", "paragraph:0: done"]


def test_a_failed_job_of_it_shows_how_much_was_finished() -> None:
    with FakeApi([FAILED], resource=TRANSLATIONS) as api:
        result = CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "The translation failed: No. (1 of 2 steps were finished)"
