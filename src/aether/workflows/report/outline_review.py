"""Outline review: titles that are no headings, which code repairs or a model is asked for again."""
# ruff: noqa: RUF001 - the words of other languages look like Latin ones

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from aether.domain.numbering import is_number
from aether.domain.plain_text import shorten
from aether.domain.report import Outline, OutlineItem
from aether.workflows.report.quality.placeholders import find_placeholder
from aether.workflows.report.quality.thresholds import MAX_TITLE, MAX_TITLE_WORDS, TITLES_ALIKE
from aether.workflows.report.quality.words import least_words, words_of

_ENDING = re.compile(r"(?<=\w{3})(?:ies|es|s|y|e)$")  # so that "legacy" counts as "legacies"
_MIN_HEAD = 3  # characters of a title that is cut at a mark
_SUFFIX = re.compile(r"\s\(\d{1,2}\)$")  # of a title that occurs twice
_SEPARATOR = re.compile(r"\s*[:：–—-]\s*|\s*[,.、]\s+")
_HEAD = re.compile(r"(?P<head>\S.*?)(?:[:：;；]\s*|\s[–—-]\s|\s?[(（]|\.\s|,\s|，|。)(?P<rest>\S.*)")
_CLAUSE = re.compile(r"[^.,;:!?。，；：！？\n]+")
_NO_TITLE = re.compile(
    r"\W*(?:(?:your |section |chapter |sub)?(?:title|heading)(?: here| of (?:the )?section)?|insert title|untitled"
    r"|section|chapter|part|topic|name|tbd|todo|tba|n/?a|none|null|placeholder|lorem ipsum.*|x{3,}|string|text|example"
    r"|titel|überschrift|abschnitt|kapitel|titre|titre de (?:la )?section|título|título de (?:la )?sección|sección"
    r"|titolo|sezione|标题|标题名|章节标题|章节|заголовок|название|раздел|العنوان|عنوان|القسم)?"
    r"(?:\s?[a-d\divx一二三四五六七八九十]{1,3})?\W*",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"[\[<{【(（].*[\]>}】)）]")
_SMALL = frozenset(
    words_of(
        "the a an of and in to for on with its der die das des dem den und von im in zu le la les l de du des d et en "
        "el los las del y e il lo gli di della dei o os as da do и в на"
    )
)
_ROMAN = re.compile(r"[ivx]+")


class Fault(NamedTuple):
    """What is wrong with the title at a position, as it completes "Repair your answer: …"."""

    position: int
    reason: str


class Reviewed(NamedTuple):
    """An outline, repaired where that is safe, and what is still wrong with it."""

    outline: Outline
    faults: tuple[Fault, ...]


def review(outline: Outline, topic: str, examples: Sequence[str]) -> Reviewed:
    """Repair an outline that a model wrote, and tell what cannot be repaired.

    A topic before the titles is removed, a title that is too long ends at its first mark, and a description takes the
    place of a title that says nothing.

    Args:
        outline: the titles, without numbers.
        topic: what the report is about.
        examples: the answers that the prompt shows, of which no title is to be copied.
    """
    items = [_repair(item, topic, examples) for item in _without_topic(outline.items, topic)]
    repaired = Outline.of(items)
    return Reviewed(repaired, tuple(_faults(repaired.items, topic, examples)))


def force(item: OutlineItem) -> OutlineItem:
    """Shorten a title that is still too long."""
    title = shorten(item.title, MAX_TITLE - 2) if _is_long(item.title) else item.title
    return (
        item if title == item.title else replace(item, title=title.removesuffix(" …"), covers=item.covers or item.title)
    )


def _without_topic(items: Sequence[OutlineItem], topic: str) -> list[OutlineItem]:
    """Remove the topic before most titles: "Rome: Origins", "Rome: Fall"."""
    bare = [_behind_topic(item.title, topic) for item in items]
    if 2 * sum(map(bool, bare)) <= len(items) or len(items) == 1:
        return list(items)
    return [replace(item, title=title) if title else item for item, title in zip(items, bare, strict=True)]


def _behind_topic(title: str, topic: str) -> str:
    if not title.casefold().startswith(topic.casefold()):
        return ""
    separator = _SEPARATOR.match(title, len(topic))
    rest = title[separator.end() :] if separator else ""
    return rest[:1].upper() + rest[1:]


def _repair(item: OutlineItem, topic: str, examples: Sequence[str]) -> OutlineItem:
    if _is_long(item.title) and (found := _HEAD.fullmatch(item.title)):
        head, rest = found["head"], found["rest"]
        if len(head) >= _MIN_HEAD and not _is_long(head) and not _is_empty(head):
            item = replace(item, title=head, covers=item.covers or rest.rstrip(")）"))
    if _is_empty(item.title) and (clause := _CLAUSE.match(item.covers.lstrip())):
        title = clause[0].strip()
        is_title = least_words(title) > 1 and not _is_long(title) and not _is_empty(title)
        is_title = is_title and not _is_copied(title, topic, examples)
        item = replace(item, title=title) if is_title else item
    return item


def _faults(items: Sequence[OutlineItem], topic: str, examples: Sequence[str]) -> Iterator[Fault]:
    seen: list[tuple[str, frozenset[str]]] = []
    for at, item in enumerate(items):
        title = _SUFFIX.sub("", item.title)
        stems = _stems(title)
        alike = next((other for other, others in seen if _are_alike(stems, others)), None)
        seen.append((title, stems))
        shown = shorten(title, 60)
        if _is_empty(title):
            yield Fault(at, f"“{shown}” is no title")
        elif _is_long(title):
            yield Fault(at, f"the title “{shown}” is longer than a heading")
        elif _is_copied(title, topic, examples):
            yield Fault(at, f"“{shown}” is a title of the example")
        elif alike is not None:
            yield Fault(at, f"the titles “{shorten(alike, 60)}” and “{shown}” say the same")
        elif stems == _stems(topic) and len(items) > 1:
            yield Fault(at, f"the title “{shown}” only repeats the topic")


def _is_empty(title: str) -> bool:
    """Whether a title says nothing: "Section 1", "Title", "[…]"."""
    return bool(
        is_number(title) or _NO_TITLE.fullmatch(title) or _BRACKETED.fullmatch(title) or find_placeholder(title, "")
    )


def _is_long(title: str) -> bool:
    return len(title) > MAX_TITLE or least_words(title) > MAX_TITLE_WORDS


def _is_copied(title: str, topic: str, examples: Sequence[str]) -> bool:
    """Whether a title stands in an example, and has nothing to do with the topic."""
    return any(f'"{title}"' in example for example in examples) and not _stems(title) & _stems(topic)


def _stems(title: str) -> frozenset[str]:
    words = words_of(title)
    return frozenset(_ENDING.sub("", word) for word in words if word not in _SMALL) or frozenset(words)


def _are_alike(stems: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two titles say the same; those that differ in a number do not."""
    if any(word.isdigit() or _ROMAN.fullmatch(word) for word in stems ^ others):
        return False
    return len(stems & others) >= TITLES_ALIKE * len(stems | others)
