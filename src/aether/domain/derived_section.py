"""Derived section: what is written from a report's finished texts, such as its summary."""

from enum import StrEnum

import msgspec

from aether.domain.finding import Finding


class DerivedKind(StrEnum):
    """The derived sections of a report, by their names in it."""

    SUMMARY = "summary"
    CONCLUSION = "conclusion"
    KEY_POINTS = "keyPoints"
    GLOSSARY = "glossary"

    @property
    def heading(self) -> str:
        """The heading in a document."""
        return "Key points" if self is DerivedKind.KEY_POINTS else self.value.capitalize()


class WordTarget(msgspec.Struct, frozen=True):
    """About how many words a derived text is to have."""

    words: int


class EntryTarget(msgspec.Struct, frozen=True):
    """How many entries a derived list may have."""

    count: int


class GlossaryEntry(msgspec.Struct, frozen=True):
    """A term of the report, and what it means there."""

    term: str
    definition: str


class DerivedSection(msgspec.Struct, frozen=True, omit_defaults=True):
    """A derived section, as a text, as points or as entries of a glossary; `findings` tell what was removed from it."""

    text: str = ""
    points: tuple[str, ...] = ()
    entries: tuple[GlossaryEntry, ...] = ()
    findings: tuple[Finding, ...] = ()
