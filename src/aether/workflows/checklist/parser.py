"""Checklist parser: reads the checklist in a model's answer, whatever form the answer has."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from aether.domain.checklist import Checklist, Item
from aether.domain.plain_text import shorten
from aether.errors import UnusableOutputError
from aether.workflows.llm.json_repair import first_text, json_values, without_controls
from aether.workflows.llm.quotes import Source

_MAX_TEXT = 300  # characters; a longer line is a paragraph, not a requirement
_MAX_READ = 3_000  # characters; a model that repeats itself without end costs no more time than that
_MAX_ENTRIES = 300  # more than a guideline of the greatest length has
_LIST_KEYS = ("items", "checklist", "requirements", "tasks", "steps", "actions", "list", "points")
_TEXT_KEYS = ("text", "item", "requirement", "task", "action", "check", "description", "content", "step")
_QUOTE_KEYS = ("quote", "source", "citation", "evidence", "excerpt", "span", "reference")
_COLONS = (":", "：")  # noqa: RUF001 - the Chinese and Japanese colon
_MARK = re.compile(
    r"\s*(?:[-*+•‣◦▪–—]\s+|\[[ xX✓✔]?\]|[☐☑☒✓✔✅□▢]"
    r"|\(?\d{1,3}[.)](?=\s)|[a-zA-Z]\)\s|#{1,6}\s|>\s"
    r"|[①-⒛⓪-⓿❶-➓㈠-㈩㉑-㉟㊀-㊉㊱-㊿]|[(（]?(?:\d{1,3}|[一二三四五六七八九十]{1,3})[)）、．])\s*"  # noqa: RUF001 - Chinese and Japanese numbers
)


class _Entry(NamedTuple):
    text: str
    quote: str = ""


def parse_checklist(answer: str, source: Source, *, may_be_empty: bool = False) -> Checklist:
    """Read a checklist from JSON of any likely shape, or from a list in Markdown, with or without text around it.

    An item that rests on nothing in the source was made up, and is left out.

    Raises:
        UnusableOutputError: there is no list; or no item is left, unless the checklist `may_be_empty`. The reason
            completes "Repair your answer: …".
    """
    entries = _from_json(answer)
    entries = _from_lines(answer) if entries is None else entries
    if entries is None:
        raise UnusableOutputError("it holds no checklist")
    checklist = Checklist.of(_quoted_items(entries, source))
    if not checklist.items and not may_be_empty:
        raise UnusableOutputError("it has no item that rests on the guideline")
    return checklist


def _quoted_items(entries: Iterable[_Entry], source: Source) -> Iterator[Item]:
    for text, claim in islice(dict.fromkeys(entries), _MAX_ENTRIES):
        line = _plain(text)
        if quote := source.quote(line, claim):
            yield Item(line, quote)


def _from_json(answer: str) -> list[_Entry] | None:
    """Read every list; of one that was cut off, the items that are complete."""
    entries: list[_Entry] = []
    end = -1
    for found in json_values(answer):
        if found.start > end and (more := _entries(found.value)) is not None:
            entries += more
            end = found.end
    return None if end < 0 else entries


def _entries(value: object) -> list[_Entry] | None:
    if isinstance(value, dict):
        folded = {key.casefold(): entry for key, entry in value.items()}
        items = next((folded[key] for key in _LIST_KEYS if isinstance(folded.get(key), list | str)), None)
        if isinstance(items, str):
            return _from_lines(items) or _entry(value)
        return _entry(value) if items is None else _entries(items)
    if isinstance(value, list):
        entries = [entry for each in value for entry in _entry(each) or ()]
        return entries if entries or not value else None
    return None


def _entry(value: object) -> list[_Entry] | None:
    if isinstance(value, str):
        return [_Entry(value)]
    if isinstance(value, dict) and (text := first_text(value, _TEXT_KEYS)):
        return [_Entry(text, first_text(value, _QUOTE_KEYS))]
    return None


def _from_lines(answer: str) -> list[_Entry] | None:
    """Read the lines that begin with a list's mark, each with the indented lines after it; headings are no items."""
    items: list[list[str]] = []
    for line in answer.splitlines():
        if _MARK.match(line) and not line.lstrip().startswith("#"):
            items.append([line])
        elif items and line.startswith((" ", "\t")) and line.strip():
            items[-1].append(line.strip())
    entries = map(" ".join, items)
    return [_Entry(entry) for entry in entries if not entry.rstrip("* ").endswith(_COLONS)] or None


def _plain(text: str) -> str:
    """Return a text as one line without the marks of lists."""
    line, start = " ".join(without_controls(text[:_MAX_READ]).split()), 0
    while marked := _MARK.match(line, start):
        start = marked.end()
    return shorten(line[start:], _MAX_TEXT)
