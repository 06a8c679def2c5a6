"""Manuscript: what a job has written so far, before it becomes a document; its texts are Markdown."""

from datetime import date, datetime

import msgspec
from msgspec import Raw

from aether.domain.derived_section import DerivedKind, GlossaryEntry


class Chapter(msgspec.Struct, frozen=True):
    """A section with its heading; both may be empty, but not at the same time."""

    heading: str
    text: str


class CitedSource(msgspec.Struct, frozen=True):
    """A source that the texts cite as `[number]`, and the words in it that support them."""

    number: int
    title: str
    url: str = ""
    read_on: date | None = None
    quote: str = ""


class Manuscript(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a job, and what is known about them.

    `noun` is the word for what the job makes, such as `report`. `language` is a name or a tag, as the caller wrote it;
    without one it is found in the text. `model` is the model that wrote. `missing` are the headings of sections that
    are not written yet, `missing_derived` the wanted parts that are derived from the sections and not written yet.
    `content` is the result of the job as JSON, which only the format `json` contains.
    """

    noun: str
    title: str
    job_id: str
    created_at: datetime
    is_complete: bool = True
    language: str = ""
    model: str = ""
    summary: str = ""
    key_points: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    conclusion: str = ""
    glossary: tuple[GlossaryEntry, ...] = ()
    sources: tuple[CitedSource, ...] = ()
    missing: tuple[str, ...] = ()
    missing_derived: tuple[DerivedKind, ...] = ()
    content: Raw = Raw(b"{}")

    @property
    def prose(self) -> tuple[str, ...]:
        """All texts that are written in Markdown."""
        chapters = (text for each in self.chapters for text in (each.heading, each.text))
        glossary = (text for each in self.glossary for text in (each.term, each.definition))
        return self.title, self.summary, *self.key_points, *chapters, self.conclusion, *glossary
