"""Cleaning of a section: removes what does not belong in it, and tells what was removed."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re
from collections.abc import Sequence

import msgspec

from aether.domain.finding import Finding
from aether.domain.plain_text import shorten
from aether.workflows.llm.markdown_cleanup import section_body, up_to_last_sentence
from aether.workflows.llm.titles import Titles, without_titles
from aether.workflows.report.quality.blocks import BlockKind, blocks_of
from aether.workflows.report.quality.findings import found
from aether.workflows.report.quality.links import without_images, without_links, without_references
from aether.workflows.report.quality.reasoning import without_reasoning
from aether.workflows.report.quality.talk import split_chatter, split_preamble
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import count_words

_MAX_READ = 100_000  # characters, more than any section may have
_MAX_QUOTE = 100
_RUN_IN_HEADING = re.compile(
    r"(?P<mark>\*\*|__)(?P<title>[^*_\n]{1,300}?)(?:[:：](?P=mark)|(?P=mark)\s?[:：])\s*(?=\S)"
)
_FENCES = ("```", "~~~")
_ENDS = tuple(".!?…:;。！？：；؟۔।\"'”’»」』)]}*_`>|—–")  # after which a paragraph may end


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
    cleaning = _Cleaning(position, known)
    text = text if len(text) <= _MAX_READ else up_to_last_sentence(text[:_MAX_READ])
    text = cleaning.without_talk(cleaning.without_reasoning(text))
    others = [title for at, title in enumerate(titles) if at != position]
    body = section_body(text, titles[position], topic, others)
    cleaning.compare(text, body, (titles[position], topic))
    is_new = body != text or cleaning.findings  # otherwise the text has been read before
    if is_new and (bare := cleaning.without_talk(body)) != body:  # behind the heading, or in a fence around the text
        body = section_body(bare, titles[position], topic, others)
    body = cleaning.without_run_in_heading(body, titles[position])
    body = cleaning.without_cut_end(cleaning.without_links(body))
    return Cleaned(body.strip(), tuple(cleaning.findings))


class _Cleaning:
    """Takes one fault after the other out of a text, and notes what it has taken."""

    def __init__(self, section: int, known: str) -> None:
        self.findings: list[Finding] = []
        self._section = section
        self._known = known

    def without_reasoning(self, text: str) -> str:
        bare = without_reasoning(text)
        if bare != text:
            self._note("reasoning", f"{max(1, count_words(text) - count_words(bare))} words of the model's thinking.")
        return bare

    def without_talk(self, text: str) -> str:
        preamble, text = split_preamble(text)
        if preamble:
            self._note("preamble", f"“{shorten(preamble, _MAX_QUOTE)}” before the text.")
        text, chatter = split_chatter(text)
        if chatter:
            self._note("chatter", f"“{shorten(chatter, _MAX_QUOTE)}” behind the text.")
        return text

    def compare(self, text: str, body: str, own: Sequence[str]) -> None:
        if body == text.strip():
            return
        lines = text.strip().split("\n")
        below = without_titles(lines, Titles(own))
        if body and len(below) < len(lines):
            self._note("heading", "The section's own heading.")
        removed = count_words("\n".join(below)) - count_words(body)
        if body and removed >= RULES["heading"].limits["words"]:
            self._note("heading", f"{removed} words of other sections.")
        if body.endswith(_FENCES) and not text.rstrip().endswith(_FENCES):
            self._note("open_block", "A code fence without an end was closed.")
        elif body.count("&lt;") > text.count("&lt;"):
            self._note("open_block", "An HTML block without an end was escaped.")

    def without_run_in_heading(self, text: str, own: str) -> str:
        """Remove the section's own heading from the beginning of its first line: "**Origins:** It began …"."""
        heading = _RUN_IN_HEADING.match(text)
        if heading is None or heading["title"] not in Titles([own]):
            return text
        self._note("heading", "The section's own heading.")
        return text[heading.end() :]

    def without_links(self, text: str) -> str:
        referenced = without_references(text)
        shown = without_images(referenced.text)
        plain = without_links(shown.text, self._known)
        for code, count, what in (
            ("reference_list", referenced.places, "lines of references"),
            ("image", shown.places, "images"),
            ("link", plain.places, "links; their words stay"),
        ):
            if count:
                self._note(code, f"{count} {what}.", count)
        return plain.text

    def without_cut_end(self, text: str) -> str:
        if text.rstrip().endswith(_ENDS):
            return text
        blocks = blocks_of(text)
        last = blocks[-1] if blocks else None
        if last is None or last.kind is not BlockKind.PARAGRAPH:
            return text
        whole = up_to_last_sentence(last.text)
        rest = last.text[len(whole) :].strip()
        has_sentence = whole.endswith(_ENDS) and count_words(whole) >= RULES["cut_end"].limits["words"]
        if len(last.lines) > 1 or not has_sentence or "http" in rest:
            return text
        self._note("cut_end", f"“{shorten(rest, _MAX_QUOTE)}” at the end.")
        return text.rstrip()[: len(whole) - len(last.text.rstrip()) or None]

    def _note(self, code: str, detail: str, count: int | None = None) -> None:
        self.findings.append(found(code, self._section, detail, None if count is None else (count, 0)))
