"""Translation command: `aether translate`, and a translation as text."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import click

from aether.cli.client.job_kind import JobKind
from aether.cli.client.run_job import run_job
from aether.cli.kinds.base import BaseJobState
from aether.cli.kinds.input_file import read_text
from aether.cli.options import output_option, server_options
from aether.cli.output.delivery import DocumentDelivery
from aether.cli.output.progress_events import ProgressEvent, StepFinished, counted, word_count
from tests.example_kind.translation import MAX_TEXT


class TranslationState(BaseJobState, frozen=True, rename="camel"):
    """A translation job at one of its versions."""

    paragraphs: tuple[str, ...] = ()

    @property
    def current_work(self) -> str:
        """What the job is doing once a worker has begun it."""
        return self.completed_work

    @property
    def completed_work(self) -> str:
        """How many of the paragraphs were finished."""
        done = sum(map(bool, self.paragraphs))
        return f"{done} of {counted(len(self.paragraphs), 'paragraph')}"

    def events_since(self, previous: Self | None) -> Iterator[ProgressEvent]:
        """Return the failed attempts, then the paragraphs that are new."""
        yield from self.failures_since(previous)
        known = previous.paragraphs if previous else ()
        for position, text in enumerate(self.paragraphs):
            if text and text not in known[position : position + 1]:
                yield StepFinished(f"paragraph {position + 1}/{len(self.paragraphs)}", word_count(text), text=text)


def translation_document(state: TranslationState) -> str:
    """Return the paragraphs that are finished."""
    return "".join(f"{paragraph}\n\n" for paragraph in state.paragraphs if paragraph).removesuffix("\n")


@click.command()
@click.argument("file")
@click.option("--language", required=True, help="The language to translate into.")
@output_option("FILE", "Write to this file, not to stdout.")
@server_options
def translate(file: str, language: str, url: str | None, data_dir: Path | None, output: Path | None) -> None:
    """Translate the text in FILE, or stdin if it is -."""
    fields = {"text": read_text(file, MAX_TEXT), "language": language}
    sys.exit(run_job(TRANSLATION, TRANSLATION.delivery(output), fields, url, data_dir))


TRANSLATION = JobKind(
    name="translation",
    path="/translations",
    id_field="translationId",
    state=TranslationState,
    command=translate,
    delivery=partial(DocumentDelivery, "translation", translation_document),
)
