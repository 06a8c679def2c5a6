"""A kind of job that is registered for the tests has all that the command line does for a kind."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

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
from aether.cli.output.progress_events import ProgressEvent, StepFinished, word_count
from aether.domain.job import Kind
from tests.service.fake_api import JOB_ID, FakeApi, Resource, Response


class TranslationState(BaseJobState, frozen=True, rename="camel"):
    """The fourth kind, as its author writes it."""

    translation: str | None = None

    @property
    def activity(self) -> str:
        return "translating"

    @property
    def completed_work(self) -> str:
        return "nothing was translated"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        yield from self.failures_since(previous)
        if self.translation and not (previous and previous.translation):
            yield StepFinished("translation", word_count(self.translation), text=self.translation)


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
RUNNING = Response(200, {"jobId": JOB_ID, "status": "processing"})
COMPLETED = Response(200, {"jobId": JOB_ID, "status": "completed", "progress": 1.0, "translation": "Hände waschen."})


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
    assert result.stderr.splitlines() == [f"accepted: {api.url}{TRANSLATIONS.job}", "translation: 2 words"]
    assert [request.body for request in api.received("POST", "/translations")] == [
        {"text": "Wash your hands.", "language": "German"}
    ]


def test_a_job_of_it_can_be_watched() -> None:
    with FakeApi([RUNNING, RUNNING, COMPLETED], resource=TRANSLATIONS) as api:
        result = CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url])
    assert (result.exit_code, result.stdout) == (0, "Hände waschen.\n")
    assert result.stderr.splitlines() == [f"watching: {api.url}{TRANSLATIONS.job}", "translation: 2 words"]
