"""Markdown clean-up: make a model's text fit its place in a document."""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.token import Token

from aether.domain.numbering import is_number, without_numbers

_markdown = MarkdownIt("commonmark").disable(["inline", "text_join"])  # only blocks are read
_BLOCK_OPENING = re.compile(r"```|~~~|<")  # begins a block that may take in the text after it
_MIN_LEVEL = 3  # the report's title has level 1, its sections have level 2
_MAX_LEVEL = 6
_MIN_REPEAT = 20  # characters; a shorter repetition may be chance
_MAX_WRAPPERS = 10  # code fences and titles around each other
_MAX_TAGS = 3  # around a title
_MAX_AROUND_TITLE = 120  # characters of numbers and markup in a heading

_WRAPPED = re.compile(
    r"(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>markdown|md)?[ \t]*\n(?P<body>.*?)(?P<closed>\n(?P=fence))?",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK = re.compile(r"\s*(?:[-+*•]\s|>|```|~~~|\||<)")
_NUMBERED = re.compile(r"\s*\d{1,2}[.)]\s")
_TAGGED = re.compile(r"\s*<(?P<tag>title|h[1-6])>(?P<content>.*)</(?P=tag)>\s*", re.IGNORECASE)
_HEADING_MARKS = re.compile(r"^\s*#+|[*_`]+")
_QUOTATION_MARKS = " \t\"'“”„«»「」『』"
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")
_NESTED_MARKS = re.compile(r"^((?:\s*(?:>|[-*+]|\d{1,9}[.)]))*\s*)#{1,6}(?=\s|$)")
_WIDE_ENDS = "。！？｡"  # noqa: RUF001 - no space follows these
_SENTENCE_END = re.compile(
    r"^[ \t]*\d{1,3}\.(?=\s)"  # the number of a list item ends nothing
    r"|(?P<end>[.!?…؟۔।][\"'”’)\]]*(?=\s|$)"  # noqa: RUF001 - Urdu's full stop
    rf"|[{_WIDE_ENDS}][」』”’]*"
    r"|\n\n|(?<![:\n])\n(?=[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]))",
    re.MULTILINE,
)


def section_body(text: str, title: str) -> str:
    """Return the text without the section's own heading, its other headings below that one, and all blocks closed.

    A text that has nothing but headings becomes empty.
    """
    lines = _close_blocks(_unwrap(text, title).splitlines())
    tokens = _markdown.parse("\n".join(lines))
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


def _unwrap(text: str, title: str) -> str:
    """Remove the title, and a code fence around the whole answer, in whichever order they come."""
    wanted = _letters(title)
    for _ in range(_MAX_WRAPPERS):
        before, text = text, text.strip()
        if (wrapped := _WRAPPED.fullmatch(text)) and _is_wrapping(wrapped):
            text = wrapped["body"]
        text = "\n".join(_without_title(text.splitlines(), wanted))
        if text == before:
            break
    return text


def _is_wrapping(fence: re.Match[str]) -> bool:
    alone = not any(line.lstrip(" ").startswith(fence["fence"]) for line in fence["body"].split("\n"))
    return alone or bool(fence["info"] and fence["closed"])


def _without_title(lines: list[str], wanted: str) -> list[str]:
    """Drop leading lines that only repeat the title: as a heading, in bold or plain, numbered or not."""
    at, titled = 0, False
    while at < len(lines):
        if _repeats_title(lines, at, wanted) or _numbers_title(lines, at, wanted):
            titled = True
            underlined = at + 1 < len(lines) and set(lines[at + 1].strip()) in ({"="}, {"-"})
            at += 1 + underlined
        elif not lines[at].strip() or (titled and _RULE.fullmatch(lines[at])):
            at += 1
        else:
            break
    return lines[at:]


def _repeats_title(lines: list[str], at: int, wanted: str) -> bool:
    line = lines[at]
    if not wanted or len(line) > 2 * len(wanted) + _MAX_AROUND_TITLE:
        return False
    for _ in range(_MAX_TAGS):
        if tagged := _TAGGED.fullmatch(line):
            if tagged["tag"].lower() == "title":
                return True  # the <title> of a page is never part of its text
            line = tagged["content"]
    if _BLOCK.match(line) or (_NUMBERED.match(line) and _begins_list(lines, at)):
        return False
    plain = _HEADING_MARKS.sub("", line).strip(_QUOTATION_MARKS)
    return any(wanted == _letters(candidate) for candidate in without_numbers(plain))


def _numbers_title(lines: list[str], at: int, wanted: str) -> bool:
    """Whether the line is the number of a title that follows on a line of its own: "Chapter 2"."""
    line = lines[at].strip()
    if not 0 < len(line) <= _MAX_AROUND_TITLE // 2 or not is_number(_HEADING_MARKS.sub("", line)):
        return False
    following = _next_line(lines, at)
    return following < len(lines) and _repeats_title(lines, following, wanted)


def _begins_list(lines: list[str], at: int) -> bool:
    following = _next_line(lines, at)
    return following < len(lines) and _NUMBERED.match(lines[following]) is not None


def _next_line(lines: list[str], at: int) -> int:
    """Return the position of the next line that is not blank."""
    return next((after for after in range(at + 1, len(lines)) if lines[after].strip()), len(lines))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()


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
