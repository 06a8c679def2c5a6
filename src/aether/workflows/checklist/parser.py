"""Reading a checklist out of what a model answered, in whatever form it came."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aether.domain.checklist import Checklist, Item
from aether.errors import UnusableOutputError
from aether.workflows.llm.json_repair import first_text, json_values, without_controls
from aether.workflows.llm.quotes import Source

_MOST_TEXT = 300  # characters; a longer line is no requirement but a paragraph
_MOST_READ = 3_000  # characters; a model that does not find an end costs no more time than that
_LIST_KEYS = ("items", "checklist", "requirements", "tasks", "steps", "actions", "list", "points")
_TEXT_KEYS = ("text", "item", "requirement", "task", "action", "check", "description", "content", "step")
_QUOTE_KEYS = ("quote", "source", "citation", "evidence", "excerpt", "span", "reference")
_MARK = re.compile(
    r"\s*(?:[-*+•‣◦▪–—]\s+|\[[ xX✓✔]?\]|[☐☑☒✓✔✅□▢]"
    r"|\(?\d{1,3}[.)](?=\s)|[a-zA-Z]\)\s|#{1,6}\s|>\s)\s*"
)


class _Said(NamedTuple):
    text: str
    quote: str = ""


def parse_checklist(answer: str, source: Source, *, may_be_empty: bool = False) -> Checklist:
    """Read a checklist from JSON of any likely shape, or from a list in Markdown, with or without text around it.

    What rests on nothing in the source was made up, and is left out.

    Raises:
        UnusableOutputError: there is no list, or nothing of it is left unless it `may_be_empty`; the reason completes
            "Repair your answer: …".
    """
    said = _from_json(answer)
    said = _from_lines(answer) if said is None else said
    if said is None:
        raise UnusableOutputError("it holds no checklist")
    checklist = Checklist.of(_anchored(said, source))
    if not checklist.items and not may_be_empty:
        raise UnusableOutputError("it has no item that rests on the guideline")
    return checklist


def _anchored(said: Iterable[_Said], source: Source) -> Iterator[Item]:
    for text, claimed in dict.fromkeys(said):
        line = _plain(text)
        if quote := source.quote(line, claimed):
            yield Item(line, quote)


def _from_json(answer: str) -> list[_Said] | None:
    """Take every list that can be read, and of one that was cut off the items that are whole."""
    said: list[_Said] = []
    end = -1
    for found in json_values(answer):
        if found.start > end and (entries := _entries(found.value)) is not None:
            said += entries
            end = found.end
    return None if end < 0 else said


def _entries(value: object) -> list[_Said] | None:
    if isinstance(value, dict):
        folded = {key.casefold(): entry for key, entry in value.items()}
        listed = next((folded[key] for key in _LIST_KEYS if isinstance(folded.get(key), list | str)), None)
        if isinstance(listed, str):
            return _from_lines(listed) or _one(value)
        return _one(value) if listed is None else _entries(listed)
    if isinstance(value, list):
        entries = [entry for each in value for entry in _one(each) or ()]
        return entries if entries or not value else None
    return None


def _one(entry: object) -> list[_Said] | None:
    if isinstance(entry, str):
        return [_Said(entry)]
    if isinstance(entry, dict) and (text := first_text(entry, _TEXT_KEYS)):
        return [_Said(text, first_text(entry, _QUOTE_KEYS))]
    return None


def _from_lines(answer: str) -> list[_Said] | None:
    """Take the lines that begin like those of a list, each with the indented ones after it; headings are none."""
    items: list[str] = []
    for line in answer.splitlines():
        if _MARK.match(line) and not line.lstrip().startswith("#"):
            items.append(line)
        elif items and line.startswith((" ", "\t")) and line.strip():
            items[-1] += f" {line.strip()}"
    return [_Said(item) for item in items if not item.rstrip("* ").endswith(":")] or None


def _plain(text: str) -> str:
    """Return a text as one line without what lists begin their lines with."""
    line, before = " ".join(without_controls(text[:_MOST_READ]).split()), ""
    while line != before:
        before, line = line, _MARK.sub("", line, count=1) if _MARK.match(line) else line
    if len(line) <= _MOST_TEXT:
        return line
    return f"{line[:_MOST_TEXT].rpartition(' ')[0] or line[:_MOST_TEXT]} …"
