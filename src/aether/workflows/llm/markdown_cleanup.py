"""Markdown clean-up: make a model's text fit its place in a document."""

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.token import Token

from aether.workflows.llm.titles import Titles, without_titles

_markdown = MarkdownIt("commonmark").disable(["inline", "text_join"])  # only blocks are read
# Texts that have none of these need no parser: they have no headings, or nothing but paragraphs.
_MAY_BE_HEADING = re.compile(r"^ {0,3}(?:#|=|-)", re.MULTILINE)
MAY_BE_BLOCK = re.compile(r"^(?!$|(?:\*\*)?[^\W\d_]|[\"'(“‘«„¿¡])|[\x00\r]", re.MULTILINE)  # noqa: RUF001 - quotes
_BLOCK_OPENING = re.compile(r"```|~~~|<")  # begins a block that may take in the text after it
_MIN_LEVEL = 3  # the report's title has level 1, its sections have level 2
_MAX_LEVEL = 6
_MIN_REPEAT = 20  # characters; a shorter repetition may be chance
_MAX_WRAPPERS = 10  # code fences and titles around each other
_MAX_BEGINNING = 2_000  # characters, in which the section's own heading stands
_MAX_REMARK = 80  # characters of a line that counts the words

_WRAPPED = re.compile(
    r"(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>markdown|md)?[ \t]*\n(?P<body>.*?)(?P<closed>\n(?P=fence))?",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK = re.compile(r"\s*(?:[-+*•]\s|>|```|~~~|\||<)")
_NUMBERED = re.compile(r"\s*\d{1,2}[.)]\s")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")
_WORD_COUNT = re.compile(
    r"[\s*_(\[]*(?:(?:total |approximate )?word ?count|words|wortzahl|wortanzahl|wörter|nombre de mots"
    r"|(?:número|recuento|conteo|contagem) de pala[bv]ras|numero di parole|aantal woorden|количество слов|字数|字數"
    r"|文字数|단어 수)[*_ ]*[:\uff1a=][*_ ]*(?:approximately|approx\.?|about|around|circa|ca\.?|~|≈)? ?\d[\d.,]*"
    r"(?: ?[^\W\d]{1,12})?[*_)\].\s]*"
    r"|[\s*_]*[(\[](?:approximately |approx\.? |about |~)?\d[\d.,]* words?[)\]][*_.\s]*",
    re.IGNORECASE,
)
_NESTED_MARKS = re.compile(r"^((?:\s*(?:>|[-*+]|\d{1,9}[.)]))*\s*)#{1,6}(?=\s|$)")
_WIDE_ENDS = "。！？｡"  # noqa: RUF001 - no space follows these
_SENTENCE_END = re.compile(
    r"^[ \t]*\d{1,3}\.(?=\s)"  # the number of a list item ends nothing
    r"|(?P<end>[.!?…؟۔।][\"'”’)\]]*(?=\s|$)"  # noqa: RUF001 - Urdu's full stop
    rf"|[{_WIDE_ENDS}][」』”’]*"
    r"|\n\n|(?<![:\n])\n(?=[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]))",
    re.MULTILINE,
)


def section_body(text: str, title: str, report_title: str = "", other_titles: Iterable[str] = ()) -> str:
    """Return the text without the section's own heading, its other headings below that one, and all blocks closed.

    The title of the report before it is dropped, and so are sections with `other_titles`, and a last line that counts
    the words. A text that has nothing but headings becomes empty.
    """
    own, others = Titles([title, report_title]), Titles(other_titles)
    lines = _unwrap(text, own).splitlines()
    if others:
        level = _level_of_own_heading(text, Titles([title]))
        lines = without_titles(_own_part(lines, Titles([title]), others, level), own)
    lines = _close_blocks(_without_word_count(lines))
    body = "\n".join(lines)
    if not MAY_BE_BLOCK.search(body):
        return body.strip()
    tokens = _markdown.parse(body)
    if not any(token.level == 0 and token.type not in {"heading_open", "heading_close", "hr"} for token in tokens):
        return ""
    return "\n".join(_shift_headings(lines, tokens)).strip()


def up_to_last_sentence(text: str) -> str:
    """Drop what comes after the last complete sentence; a text without one loses its last word."""
    last = 0
    for match in _SENTENCE_END.finditer(text):
        if match["end"] and not _ends_heading(text, match):
            last = match.end()
    return (text[:last] if last else text.rpartition(" ")[0] or text).rstrip()


def join_continuation(text: str, rest: str) -> str:
    """Join a text, up to its last complete sentence, with its continuation, which may repeat the end of the text."""
    kept = up_to_last_sentence(text)
    repeated = kept.rfind(rest.lstrip()[:_MIN_REPEAT])
    if len(kept) - repeated >= _MIN_REPEAT and rest.lstrip().startswith(kept[repeated:]):
        rest = rest.lstrip()[len(kept) - repeated :]
    return f"{kept}{_gap(kept, text[len(kept) :], rest)}{rest.strip()}" if kept else rest


def _gap(kept: str, cut_off: str, rest: str) -> str:
    space = "".join(part[: len(part) - len(part.lstrip())] for part in (cut_off, rest))
    if "\n\n" in space:
        return "\n\n"
    if "\n" in space or _BLOCK.match(rest) or _NUMBERED.match(rest) or rest.startswith("#"):
        return "\n"
    return "" if kept[-1] in _WIDE_ENDS + "」』" else " "


def _ends_heading(text: str, end: re.Match[str]) -> bool:
    if not end["end"].startswith("\n"):
        return False
    line_start = text.rfind("\n", 0, end.start()) + 1
    return text[line_start : end.start()].lstrip().startswith("#")


def _unwrap(text: str, titles: Titles) -> str:
    """Remove the titles, and a code fence around the whole answer, in whichever order they come."""
    for _ in range(_MAX_WRAPPERS):
        before, text = text, text.strip()
        if (wrapped := _WRAPPED.fullmatch(text)) and _is_wrapping(wrapped):
            text = wrapped["body"]
        text = "\n".join(without_titles(text.splitlines(), titles))
        if text == before:
            break
    return text


def _is_wrapping(fence: re.Match[str]) -> bool:
    alone = not any(line.lstrip(" ").startswith(fence["fence"]) for line in fence["body"].split("\n"))
    return alone or bool(fence["info"] and fence["closed"])


def _level_of_own_heading(text: str, own: Titles) -> int | None:
    """Return the level of the section's heading near the beginning, if there is one with marks."""
    for line in text[:_MAX_BEGINNING].splitlines():
        marks = len(line) - len(line.lstrip("#"))
        if 0 < marks <= _MAX_LEVEL and line in own:
            return marks
    return None


def _own_part(lines: list[str], own: Titles, others: Titles, level: int | None) -> list[str]:
    """Return the lines of the section itself, if others stand before it or behind it.

    A heading below the section's own, of this `level`, is part of it whatever it says.
    """
    headings = _headings(lines)
    start, highest = 0, level or _MAX_LEVEL + 1
    if any(line == 0 and heading in others for line, _, heading in headings):
        found = next(((line, level) for line, level, heading in headings if heading in own), None)
        if found is None:
            return lines
        start, level = found
        highest = level
    for line, heading_level, heading in headings:
        if line < start or heading in own:
            continue
        is_above = heading_level <= highest if level else heading_level < highest
        if is_above and heading in others and _has_text(lines[start:line]):
            return _without_rules(lines[start:line])
        if level is None:
            highest = min(highest, heading_level)
    return lines[start:]


def _headings(lines: list[str]) -> list[tuple[int, int, str]]:
    """Return line, level and text of all headings outside quotes and lists."""
    text = "\n".join(lines)
    tokens = _markdown.parse(text) if _MAY_BE_HEADING.search(text) else []
    return [
        (token.map[0], int(token.tag[1]), tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]


def _has_text(lines: list[str]) -> bool:
    return any(line.strip() and not line.startswith("#") and not _RULE.fullmatch(line) for line in lines)


def _without_word_count(lines: list[str]) -> list[str]:
    kept = _without_rules(lines)
    is_count = kept and len(kept[-1]) <= _MAX_REMARK and _WORD_COUNT.fullmatch(kept[-1])
    return _without_rules(kept[:-1]) if is_count else lines


def _without_rules(lines: list[str]) -> list[str]:
    """Drop blank lines and rules at the end."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or _RULE.fullmatch(lines[end - 1])):
        end -= 1
    return lines[:end]


def _close_blocks(lines: list[str]) -> list[str]:
    """Close a code fence that the text leaves open, and escape open HTML: it would take in what follows the text."""
    if not any(map(_BLOCK_OPENING.search, lines)):
        return lines
    last = _open_block(lines)
    if last is not None and last.type == "html_block" and last.map is not None:
        first = last.map[0]
        lines = lines[:first] + [re.sub(r"^(\s*)<", r"\1&lt;", line) for line in lines[first:]]
        last = _open_block(lines)
    return lines if last is None else [*lines, last.markup]


def _open_block(lines: list[str]) -> Token | None:
    """Return the block that would take in a paragraph after the text."""
    last = _markdown.parse("\n".join([*lines, "", "next"]))[-1]
    return last if last.type in {"fence", "html_block"} else None


def _shift_headings(lines: list[str], tokens: list[Token]) -> list[str]:
    """Move all headings down by the same number of levels, so that the highest is below the section's own heading."""
    headings = [(token, tokens[at + 1]) for at, token in enumerate(tokens) if token.type == "heading_open"]
    levels = [int(opening.tag[1]) for opening, _ in headings]
    shift = max(0, _MIN_LEVEL - min(levels, default=_MIN_LEVEL))
    replaced = list(lines)
    for (opening, inline), level in zip(headings, levels, strict=True):
        first, end = opening.map or (0, 0)
        marks = "#" * min(level + shift, _MAX_LEVEL)
        if opening.level == 0:
            content = re.sub(r"(?<=\s)(?=#+$)", r"\\", " ".join(inline.content.split()))
            replaced[first:end] = [f"{marks} {content}", *[""] * (end - first - 1)]
        elif opening.markup.startswith("#"):
            replaced[first] = _NESTED_MARKS.sub(rf"\g<1>{marks}", replaced[first])
        else:  # an underlined heading in a quote or a list becomes a paragraph of it
            replaced[end - 1] = replaced[end - 1].rstrip().rstrip("=-")
    return replaced
