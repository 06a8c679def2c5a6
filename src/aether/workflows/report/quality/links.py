"""Links in a section: a model invents their addresses, so only those stay that the caller wrote."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re
from collections.abc import Callable
from typing import NamedTuple

from aether.workflows.report.quality.blocks import mask_code

_URL = r"[^\s()<>]{0,2000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,200}){0,3}"
_TARGET = rf"\(\s{{0,9}}<?(?P<url>{_URL})>?(?:\s{{1,9}}[\"'(][^\n]{{0,200}}?[\"')])?\s{{0,9}}\)"
_IMAGE = re.compile(
    rf"!\[(?P<words>[^\[\]\n]{{0,500}})\](?:{_TARGET}|\[[^\[\]\n]{{0,100}}\])|<img\b[^<>]{{0,2000}}>", re.IGNORECASE
)
_LINK = re.compile(rf"\[(?P<words>[^\[\]\n]{{0,500}})\]{_TARGET}")
_TAG = re.compile(r"<a\b[^<>]{0,2000}>|</a>", re.IGNORECASE)
_AUTOLINK = re.compile(r"<(?P<url>(?:https?|ftp|mailto):[^\s<>]{1,2000})>", re.IGNORECASE)
_DEFINITION = re.compile(
    r"^ {0,3}\[\^?[^\[\]\n]{1,100}\]:[ \t]+(?:<?(?:https?:|www\.|doi|ftp:|/|#)[^\n]*|[^\n]{1,300}?https?:[^\n]*)\n?",
    re.MULTILINE | re.IGNORECASE,
)
_REFERENCE = re.compile(r"(?<!\])\[(?!\^?\d{1,3}\])(?P<words>[^\[\]\n]{1,500})\]\[[^\[\]\n]{0,100}\]")
_ADDRESS = re.compile(r"https?://|www\.|doi\b|\b(?:1[5-9]|20)\d\d\b", re.IGNORECASE)
_ENTRY = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)]|\[\^?\d{1,3}\]|\(\d{1,3}\))\s*\S")
_NUMBERED = re.compile(r"\s*\[\d{1,3}\]:?\s+\S|\s*$")  # or a blank line between two of them
_SOURCE = re.compile(
    r"[ \t]?\((?:sources?|quellen?|fuentes?|来源|источники?|المصدر)\s?[:：]\s?[^()\n]{0,200}?(?P<url>https?://[^\s()]{1,500})"
    r"[^()\n]{0,200}\)",
    re.IGNORECASE,
)
_MARKER = re.compile(r"[ \t]?\[\^?[1-9]\d?(?:\s?[,–-]\s?[1-9]\d?){0,9}\]|【\d{1,3}(?:†[^】\n]{0,40})?】")
_HEADING = re.compile(
    r"(?:#{1,6}\s+|\*\*|__)?(?:[\dIVX]{1,4}[.)]\s*)?"
    r"(?:(?:list of )?references?(?: list)?(?: (?:and|&) [\w ]{1,30})?|sources?(?: cited| used)?|bibliography"
    r"|works cited|citations?|further reading|literature cited|external links|quellen(?:verzeichnis|angaben)?"
    r"|literatur(?:verzeichnis|angaben)?"
    r"|referenzen|einzelnachweise|références?(?: bibliographiques)?|bibliographie|referencias(?: bibliográficas)?"
    r"|bibliografía|fuentes|referências|fontes|bibliografia|riferimenti|fonti|参考文献|参考资料|參考文獻|參考資料|出典"
    r"|참고 ?문헌|источники|(?:список )?литератур[аы]|ссылки|المراجع|المصادر)\s?[:：]?(?:\*\*|__)?\s?[:：]?\s*",
    re.IGNORECASE,
)
_INLINE_LIST = re.compile(
    r"[*_]{0,2}(?:sources?|references?|quellen?|literatur|fuentes?|referencias?|fonti|fontes|参考文献|参考资料|来源"
    r"|источники?|المصادر|المراجع)[*_]{0,2}\s?[:：][*_]{0,2}\s?\S",
    re.IGNORECASE,
)


class Replaced(NamedTuple):
    """A text, and how many places of it were replaced."""

    text: str
    places: int


def without_images(text: str) -> Replaced:
    """Remove all images outside code, with the links that show nothing else."""
    if "![" not in text and "<" not in text:
        return Replaced(text, 0)
    replaced = _replace(text, _IMAGE, _nothing)
    return Replaced(_EMPTY_LINK.sub("", replaced.text), replaced.places) if replaced.places else replaced


def without_links(text: str, known: str) -> Replaced:
    """Replace links by their words, unless what the caller wrote has their address."""
    may_be_link = "](" in text or "://" in text or "<" in text
    if not may_be_link or not _MAY_BE_LINK.search(text):
        return Replaced(text, 0)

    def words(link: re.Match[str], words: str) -> str:
        url = link["url"].rstrip("/")
        is_known = len(url) >= _MIN_URL and url in known
        return link[0] if is_known else words or url

    def nothing(link: re.Match[str], _: str) -> str:
        return link[0] if link["url"].rstrip("/.,") in known else ""

    sourced = _replace(text, _SOURCE, nothing)
    linked = _replace(sourced.text, _LINK, words)
    automatic = _replace(linked.text, _AUTOLINK, words)
    tagged = _replace(automatic.text, _TAG, _nothing)
    return Replaced(tagged.text, sourced.places + linked.places + automatic.places + tagged.places // 2)


def without_references(text: str) -> Replaced:
    """Remove the list of references at the end, the definitions of references, and the marks that point to them."""
    lines = text.rstrip().split("\n")
    listed = _list_start(lines)
    kept = text if listed is None else "\n".join(lines[:listed]).rstrip()
    entries = 0 if listed is None else len(lines) - listed
    defined = _replace(kept, _DEFINITION, _nothing) if "]:" in kept else Replaced(kept, 0)
    if not (entries or defined.places):
        return Replaced(text, 0)
    linked = _replace(defined.text.rstrip(), _REFERENCE, lambda _, words: words)
    return Replaced(_replace(linked.text, _MARKER, _nothing).text, entries + defined.places)


def _list_start(lines: list[str]) -> int | None:
    """Return the line on which the list of references begins that ends the text, with its heading."""
    end = len(lines)
    if _NUMBERED.match(lines[-1]) and _ADDRESS.search(lines[-1]):
        return next((at + 1 for at in range(end - 1, -1, -1) if not _NUMBERED.match(lines[at])), None)
    start = max(0, end - _MAX_ENTRIES)
    if end - start > 1 and _INLINE_LIST.match(lines[-1]) and _ADDRESS.search(lines[-1]):
        return end - 1
    if not any(map(_is_list_heading, lines[start:])):
        return None
    for at in range(end - 1, start - 1, -1):
        line = lines[at]
        if _is_list_heading(line):
            has_entries = any(entry.strip() for entry in lines[at + 1 :])
            return at if at and has_entries else None
        if line.strip() and not (_ENTRY.match(line) or _ADDRESS.search(line)):
            return None
    return None


def _is_list_heading(line: str) -> bool:
    return 0 < len(line) <= _MAX_HEADING and _HEADING.fullmatch(line.strip()) is not None


def _nothing(*_: object) -> str:
    return ""


def _replace(text: str, pattern: re.Pattern[str], by: Callable[[re.Match[str], str], str]) -> Replaced:
    """Replace what matches outside code; `by` takes a match and the words in it."""
    masked = mask_code(text)
    parts: list[str] = []
    at = count = 0
    for found in pattern.finditer(masked):
        words = text[found.start("words") : found.end("words")] if "words" in pattern.groupindex else ""
        replacement = by(found, words)
        if replacement != found[0]:
            parts += (text[at : found.start()], replacement)
            at, count = found.end(), count + 1
    return Replaced("".join([*parts, text[at:]]), count) if count else Replaced(text, 0)


_EMPTY_LINK = re.compile(rf"\[\s{{0,9}}\]{_TARGET}")
_MAY_BE_LINK = re.compile(r"\]\(|https?://[^()\n]{0,500}\)|</?a\b|<(?:https?|ftp|mailto):", re.IGNORECASE)
_MIN_URL = 8
_MAX_HEADING = 60
_MAX_ENTRIES = 200
