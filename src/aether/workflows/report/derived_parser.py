"""Derived parser: reads key points and glossary entries in a model's answer, as JSON or as a plain list."""

import re
from collections.abc import Iterator

from aether.domain.derived_section import DerivedKind, DerivedSection, GlossaryEntry
from aether.domain.plain_text import clean, shorten
from aether.errors import UnusableOutputError
from aether.workflows.llm.json_repair import first_text, json_values

_MAX_TERM, _MAX_TEXT = 100, 1_000  # characters
_TERM_KEYS = ("term", "name", "title", "word", "entry")
_DEFINITION_KEYS = ("definition", "meaning", "description", "explanation", "text")
_POINT_KEYS = ("point", "text", "statement", "title")
_ITEM = re.compile(r"[ \t]{0,20}(?:[-*+•]|\d{1,3}[.)])[ \t]+(?P<text>\S.*)")
_DESCRIBED = re.compile(r"(?P<term>[^:\n]{1,100}?)(?:\*\*|__)?(?::|\s[–—-]\s)(?:\*\*|__)?\s*(?P<definition>\S.*)")


def parse_list(kind: DerivedKind, answer: str, count: int) -> DerivedSection:
    """Read the key points or the glossary entries; more than `count` are dropped.

    Raises:
        UnusableOutputError: there are none.
    """
    entries = _from_json(kind, answer) or _from_lines(kind, answer)
    if not entries:
        raise UnusableOutputError("it holds no list")
    if kind is DerivedKind.GLOSSARY:
        by_term: dict[str, GlossaryEntry] = {}
        for entry in entries:
            by_term.setdefault(entry.term.casefold(), entry)
        return DerivedSection(entries=tuple(by_term.values())[:count])
    return DerivedSection(points=tuple(dict.fromkeys(entry.definition for entry in entries))[:count])


def _from_json(kind: DerivedKind, answer: str) -> list[GlossaryEntry]:
    for found in json_values(answer):
        if entries := list(_entries(kind, found.value)):
            return entries
    return []


def _entries(kind: DerivedKind, value: object) -> Iterator[GlossaryEntry]:
    if isinstance(value, dict):
        lists = [entry for entry in value.values() if isinstance(entry, list | dict)]
        is_mapping = kind is DerivedKind.GLOSSARY and not lists and not first_text(value, _TERM_KEYS)
        value = [{"term": term, "definition": text} for term, text in value.items()] if is_mapping else lists[:1]
        value = value[0] if value and isinstance(value[0], list) else value
    for entry in value if isinstance(value, list) else ():
        if read := _entry(kind, entry):
            yield read


def _entry(kind: DerivedKind, entry: object) -> GlossaryEntry | None:
    if isinstance(entry, str):
        return _described(entry) if kind is DerivedKind.GLOSSARY else _new("", entry)
    if not isinstance(entry, dict):
        return None
    if kind is DerivedKind.GLOSSARY:
        term, definition = first_text(entry, _TERM_KEYS), first_text(entry, _DEFINITION_KEYS)
        return _new(term, definition) if term else None
    return _new("", first_text(entry, _POINT_KEYS))


def _from_lines(kind: DerivedKind, answer: str) -> list[GlossaryEntry]:
    items = filter(None, map(_ITEM.match, answer.splitlines()))
    read = (_described(item["text"]) if kind is DerivedKind.GLOSSARY else _new("", item["text"]) for item in items)
    return [entry for entry in read if entry is not None]


def _described(text: str) -> GlossaryEntry | None:
    found = _DESCRIBED.match(text)
    return _new(found["term"], found["definition"]) if found else None


def _new(term: str, definition: str) -> GlossaryEntry | None:
    term, definition = (" ".join(clean(text[:_MAX_TEXT]).split()) for text in (term, definition))
    return GlossaryEntry(shorten(term.strip("*_ "), _MAX_TERM), definition) if definition else None
