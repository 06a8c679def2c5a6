"""Template Markdown: the title of a template as a heading, and its sections as headings of the second level.

The first paragraph below a section says what it covers, the others are its instructions. What else a template may have,
such as lengths and descriptions of variables, has no form in Markdown.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from aether.domain.report_request import MAX_COVERS, SectionPlan
from aether.domain.template import Template

_HEADING = re.compile(r" {0,3}(?P<marks>#{1,6})(?P<title>[ \t].*)?")
_CODE_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})")
_TITLE_LEVEL, _SECTION_LEVEL = 1, 2


class MarkdownSection(NamedTuple):
    """A heading of the second level and the text below it."""

    title: str
    covers: str | UnsetType
    instructions: str | UnsetType


class MarkdownTemplate(NamedTuple):
    """What Markdown says about a template; nothing is checked but its form."""

    title: str
    description: str | UnsetType
    sections: tuple[MarkdownSection, ...]


def parse_markdown(text: str) -> MarkdownTemplate:
    """Read a template, or only sections; then the title is empty. Headings in code blocks are text."""
    parts = list(_parts(text.splitlines()))
    heading = next((part for part in parts if part.level == _TITLE_LEVEL), _Part(_TITLE_LEVEL, "", []))
    sections = tuple(_section(part) for part in parts if part.level == _SECTION_LEVEL)
    return MarkdownTemplate(heading.title, _paragraphs(heading.lines) or UNSET, sections)


def section_plan(section: MarkdownSection) -> SectionPlan:
    """Return the section as a caller plans it."""
    return SectionPlan(section.title, section.covers, section.instructions)


def to_markdown(template: Template) -> str:
    """Write a template, as `parse_markdown` reads it."""
    blocks = [f"# {template.title}", *_given(template.description)]
    for section in template.sections:
        blocks += [f"## {section.title}", *_given(section.covers), *_given(section.instructions)]
    return "\n\n".join(blocks) + "\n"


class _Part(NamedTuple):
    level: int
    title: str
    lines: list[str]


def _parts(lines: list[str]) -> Iterator[_Part]:
    """Yield each heading of the first two levels with the lines below it; deeper headings are lines."""
    part, code = _Part(0, "", []), ""
    for line in lines:
        fence = _CODE_FENCE.match(line)
        if fence and (not code or fence["marks"].startswith(code)):
            code = "" if code else fence["marks"]
        found = None if code or fence else _HEADING.fullmatch(line)
        if found and len(found["marks"]) <= _SECTION_LEVEL:
            yield part
            part = _Part(len(found["marks"]), _title(found["title"] or ""), [])
        else:
            part.lines.append(line)
    yield part


def _title(text: str) -> str:
    """Return the text of a heading without the marks that may close it."""
    without = text.strip().rstrip("#")
    return without.rstrip() if without[-1:].isspace() or not without else text.strip()


def _section(part: _Part) -> MarkdownSection:
    first, _, rest = _paragraphs(part.lines).partition("\n\n")
    if len(first) > MAX_COVERS:
        first, rest = "", _paragraphs(part.lines)
    return MarkdownSection(part.title, first or UNSET, rest or UNSET)


def _paragraphs(lines: list[str]) -> str:
    """Return the text with one empty line between paragraphs."""
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", "\n".join(lines)).strip()


def _given(text: str | UnsetType) -> list[str]:
    return [text] if isinstance(text, str) else []
