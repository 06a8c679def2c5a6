"""Outline parser: reads the outline in a model's answer, whatever form the answer has."""

import re
from typing import NamedTuple

from aether.domain.numbering import Style, find_number, is_number
from aether.domain.plain_text import shorten
from aether.domain.report import MAX_SECTIONS, Outline, OutlineItem
from aether.domain.report_request import FreeSections, ReportPlan
from aether.errors import UnusableOutputError
from aether.workflows.llm.json_repair import first_text, json_values, leading_elements, without_controls

_MAX_TITLE = 200
_MAX_COVERS = 500
"""Characters of a title, and of the description of a section, which stands in the prompts of all sections."""
_MAX_ITEMS = 10 * MAX_SECTIONS  # that are read; some may be blank
_TITLE_KEYS = ("title", "heading", "name", "section", "section_title", "header", "chapter", "label", "topic")
_COVERS_KEYS = ("covers", "description", "summary", "brief", "content")
_LIST_KEYS = ("sections", "outline", "chapters", "headings", "titles", "items", "parts", "toc", "table_of_contents")
_MAX_LINE = 1_000  # characters that are read of a title with a description, or of one of them
_BEFORE_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<bold>\*\*|__)?(?P<text>\S.*)")
_MARKED = re.compile(r"(?:(?P<heading>#{1,6})|(?P<bullet>[-*+•]))\s+(?P<title>\S.*)")
_LIST_STYLES = {Style.LABELLED, Style.NUMBERED, Style.LETTERED}
_BOLD_NAME = re.compile(r"(?:\*\*)?(?P<name>[^*]+?)(?::\*\*|\*\*\s*[:–—-])\s+(?P<rest>\S.*)", re.DOTALL)
# A text after a colon that is too long for a heading describes the section.
_LONG = re.compile(r"(?P<name>\S.{0,199}?)(?::|\s[–—-])\s+(?P<rest>\S.{60,})", re.DOTALL)


def parse_outline(answer: str, count: int | None) -> Outline:
    """Read an outline from JSON of any likely shape, with or without text around it, or from a plain list.

    Args:
        answer: the text of the model's reply.
        count: how many sections the outline must have; more are dropped. None: any number up to the limit.

    Raises:
        UnusableOutputError: there is no outline, or it is too short; the reason completes "Repair your answer: …".
    """
    return first_sections(find_outline(answer, count), count)


def find_outline(answer: str, count: int | None) -> Outline:
    """Read an outline as `parse_outline` does, with the sections that are too many, of which some may be faulty."""
    items = _from_json(answer) or _from_beginning(answer, count or MAX_SECTIONS) or _from_lines(answer)
    outline = Outline.of(items[:_MAX_ITEMS])
    if not outline.items:
        raise UnusableOutputError("it holds no outline")
    return outline


def first_sections(outline: Outline, count: int | None) -> Outline:
    """Drop the sections that are too many; raise UnusableOutputError if there are too few."""
    if count is not None and len(outline.items) < count:
        raise UnusableOutputError(f"it has {len(outline.items)} sections instead of {count}")
    return Outline(outline.items[: count or MAX_SECTIONS])


def without_planned(outline: Outline, plan: ReportPlan) -> Outline:
    """Leave out the sections that are planned already."""
    known = {item.title.casefold() for item in plan.outline_with().items}
    return Outline(tuple(item for item in outline.items if item.title.casefold() not in known))


def first_added(outline: Outline, free: FreeSections) -> Outline:
    """Drop the added sections that are too many; raise UnusableOutputError if there are too few."""
    if len(outline.items) < free.min:
        raise UnusableOutputError(f"it has {len(outline.items)} new sections instead of {free.min}")
    return Outline(outline.items[: free.max])


def _from_json(answer: str) -> list[OutlineItem]:
    """Read the first complete JSON value that holds a list of sections."""
    for found in json_values(answer):
        # A list with a key was found by itself, so the object around it could not be read; that may be one section.
        value = {found.key: found.value} if found.key and isinstance(found.value, list) else found.value
        if items := _items(value, named=value is not found.value):
            return items
    return []


def _from_beginning(answer: str, count: int) -> list[OutlineItem]:
    """Read the beginning of a list without an end, if all sections that are used are complete."""
    for found in leading_elements(answer, _MAX_ITEMS):
        items = _items({found.key: found.value} if found.key else found.value, named=found.key is not None)
        if len(items) >= count:
            return items
    return []


def _items(value: object, *, named: bool = False) -> list[OutlineItem]:
    entries = _list_in(value, named=named) if isinstance(value, dict) else value
    items = map(_entry, entries) if isinstance(entries, list) else ()
    return [item for item in items if item is not None and item.title]


def _list_in(value: dict[str, object], *, named: bool) -> object:
    """Find the list of sections: under a known key, or else any list of an object that is no section itself."""
    lists = {key.casefold(): entry for key, entry in value.items() if isinstance(entry, list)}
    if known := [lists[key] for key in _LIST_KEYS if key in lists]:
        return known[0]
    return None if named or first_text(value, _TITLE_KEYS) else next(iter(lists.values()), None)


def _entry(entry: object) -> OutlineItem | None:
    if isinstance(entry, str):
        return _item(entry, "")
    if isinstance(entry, dict):
        if title := first_text(entry, _TITLE_KEYS):
            return _item(title, first_text(entry, _COVERS_KEYS))
        [*pairs] = entry.items()
        return _item(*pairs[0]) if len(pairs) == 1 and isinstance(pairs[0][1], str) else None
    if isinstance(entry, list) and entry and all(isinstance(part, str) for part in entry):
        return _item(entry[0], " ".join(entry[1:]))
    return None


def _from_lines(answer: str) -> list[OutlineItem]:
    """Read the outermost list; headings come before numbers, and numbers before bullets, which detail them."""
    lists: dict[_Level, list[str]] = {}
    for level, title in filter(None, map(_list_item, answer.strip().splitlines())):
        lists.setdefault(level, []).append(title)
    # A single line that looks like an item is more likely a sentence than an outline.
    outermost = min((level for level, titles in lists.items() if len(titles) > 1), key=lambda at: at[:2], default=None)
    return [_item(title, "") for title in lists[outermost]] if outermost else []


class _Level(NamedTuple):
    """Which list an item belongs to: its rank among lists, its depth, and the kind of its marks or numbers."""

    rank: int
    depth: int
    kind: str


def _list_item(line: str) -> tuple[_Level, str] | None:
    line = line[:_MAX_LINE]
    before = _BEFORE_ITEM.match(line)
    if before is None:
        return None
    indent, bold, text = len(before["indent"].expandtabs(4)), before["bold"] or "", before["text"]
    if marked := _MARKED.fullmatch(text):
        if marked["heading"]:
            return _Level(0, len(marked["heading"]), ""), bold + marked["title"]
        return _Level(2, indent // 2, marked["bullet"]), bold + marked["title"]
    number = find_number(text)
    if number is None and bold:
        text, bold = text.replace(bold, "", 1), ""
        number = find_number(text)
    if number is None or number.style not in _LIST_STYLES:
        return None
    # Up to two spaces align numbers to the right; they do not nest them.
    return _Level(1, indent // 3, number.kind), bold + text[number.end :]


def _item(title: str, covers: str) -> OutlineItem:
    title, covers = without_controls(title[:_MAX_LINE]).strip(), without_controls(covers[:_MAX_LINE])
    if not covers:
        title, covers = _described(title)
    return OutlineItem(title[:_MAX_TITLE], shorten(covers, _MAX_COVERS))


def _described(title: str) -> tuple[str, str]:
    """Separate a title from the description behind it, if there is one."""
    bold = _BOLD_NAME.fullmatch(title)
    if bold and is_number(bold["name"]):
        return f"{bold['name']}: {bold['rest']}", ""
    number = find_number(title)
    start = number.end if number else 0
    described = bold or _LONG.fullmatch(title, start)
    return (
        (title[: described.start("name")].strip("*") + described["name"], described["rest"])
        if described
        else (title, "")
    )
