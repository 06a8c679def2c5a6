"""Quality schemas: what the checks of a report found, and how long its texts are, on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import Count, unset_if_none
from aether.workflows.report.record import Issue, ReportRecord

WORDS_PER_MINUTE = 238
"""The mean of silent reading of English non-fiction; Chinese is read at about as many characters (Brysbaert, 2019)."""

Part = Annotated[
    str,
    Meta(description="The heading of the section; or `summary`, `conclusion`, `keyPoints` or `glossary`."),
]


class QualityIssue(msgspec.Struct, frozen=True, rename="camel"):
    """A fault that the checks found."""

    code: Annotated[str, Meta(description="The check. There may be new ones at any time.", examples=["duplicate"])]
    detail: Annotated[str, Meta(description="What was found, for people; it may quote the text.")]
    action: Annotated[
        Literal["stripped", "rewritten", "reported"],
        Meta(description="What became of it: removed from the text; gone with a rewrite; or still in the text."),
    ]
    section: Part | UnsetType = UNSET
    value: Annotated[float, Meta(description="What was measured.")] | UnsetType = UNSET
    limit: Annotated[float, Meta(description="The value from which on it is a fault.")] | UnsetType = UNSET


class SectionRewrite(msgspec.Struct, frozen=True, rename="camel"):
    """A section that was written again."""

    section: Annotated[str, Meta(description="The heading of the section.")]
    kept: Annotated[bool, Meta(description="Whether the new text has fewer faults and replaces the old one.")]
    faults_before: Annotated[float, Meta(ge=0, description="The weighted faults of the old text.")] | UnsetType = UNSET
    faults_after: Annotated[float, Meta(ge=0, description="Those of the new text.")] | UnsetType = UNSET
    error: Annotated[str, Meta(description="Why there is no new text.")] | UnsetType = UNSET


class Quality(msgspec.Struct, frozen=True, rename="camel"):
    """What the checks found so far. What is removed from a section is known with it, the rest with the last one."""

    issues: Annotated[tuple[QualityIssue, ...], Meta(description="The faults, in the order of the sections.")]
    rewrites: Annotated[tuple[SectionRewrite, ...], Meta(description="The sections that were written again.")]
    languages: Annotated[
        dict[str, str], Meta(description="The languages of the sections that are certain (ISO 639-1), by heading.")
    ]
    detector: Annotated[str, Meta(description="What told the languages.")] | UnsetType = UNSET


class Statistics(msgspec.Struct, frozen=True, rename="camel"):
    """How long the texts are so far. A character of a script without spaces, such as Chinese, counts as a word."""

    words: Annotated[Count, Meta(description="The words of all texts, without headings.")]
    sections: Annotated[dict[str, Count], Meta(description="The words of each finished section, by heading.")]
    reading_minutes: Annotated[float, Meta(ge=0, description="How long reading all of it takes.")]
    words_per_minute: Annotated[Count, Meta(description="The rate of reading that this rests on.")] = WORDS_PER_MINUTE


def quality_of(record: ReportRecord) -> Quality | UnsetType:
    """Return what the checks found; nothing before the first section is finished."""
    if not record.sections:
        return UNSET
    rewrites = [
        SectionRewrite(
            record.headings[position],
            rewrite.section is not None,
            UNSET if rewrite.error else rewrite.weight_before,
            unset_if_none(rewrite.weight_after),
            rewrite.error or UNSET,
        )
        for position, rewrite in sorted(record.rewrites.items())
    ]
    issues = tuple(map(_issue, record.issues()))
    return Quality(issues, tuple(rewrites), record.languages, record.verdict.detector or UNSET)


def _issue(issue: Issue) -> QualityIssue:
    found = issue.finding
    numbers = unset_if_none(found.value), unset_if_none(found.limit)
    return QualityIssue(found.code, found.detail, issue.action, unset_if_none(issue.part), *numbers)


def statistics_of(record: ReportRecord) -> Statistics | UnsetType:
    """Return how long the texts are; nothing before the first section is finished."""
    if not record.sections:
        return UNSET
    sections = record.words
    words = sum(sections.values()) + record.derived_words
    return Statistics(words, sections, round(words / WORDS_PER_MINUTE, 1))
