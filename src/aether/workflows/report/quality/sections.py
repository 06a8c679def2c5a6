"""Checks of all sections of a report, once they are written: what is wrong with which, and what must be rewritten."""

from collections.abc import Sequence

import msgspec

from aether.domain.finding import Finding
from aether.workflows.report.quality.findings import found
from aether.workflows.report.quality.language import Languages
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_words

_LENGTH = RULES["length"].limits


class Assignment(msgspec.Struct, frozen=True):
    """What the sections were to be.

    Attributes:
        topic: the report's topic, as the caller wrote it.
        titles: the sections' titles.
        words: how many words each section was to have.
        language: the language that the caller asked for, in the caller's words; None: that of the topic.
    """

    topic: str
    titles: Sequence[str]
    words: Sequence[int]
    language: str | None = None


def check_sections(
    sections: Sequence[str | None], assignment: Assignment, languages: Languages | None = None
) -> tuple[Finding, ...]:
    """Check the sections of a report, of which some may be missing (None); a fault names the section to rewrite.

    The work is linear in the texts, but long: call it with `work_on_text`.

    Args:
        sections: the texts, cleaned by `clean_section`.
        assignment: what they were to be.
        languages: what `detect_languages` told of the sections, if it was asked before.
    """
    del languages
    found_in = (_length(at, text, assignment.words[at]) for at, text in enumerate(sections) if text is not None)
    return tuple(finding for finding in found_in if finding is not None)


def _length(section: int, text: str, asked: int) -> Finding | None:
    share = count_words(text) / max(1, asked)
    if share >= _LENGTH["below"]:
        return None
    limit = _LENGTH["rewrite_below"] if share < _LENGTH["rewrite_below"] else _LENGTH["below"]
    detail = f"It has {count_words(text)} words, and {asked} were asked for."
    return found("length", section, detail, (share, limit), needs_rewrite=share < _LENGTH["rewrite_below"])
