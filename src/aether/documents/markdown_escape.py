"""Markdown escape: text that a reader of Markdown shows as it is, whatever it contains."""

import re

# CommonMark 0.31: what may have a meaning inside a line.
_SPECIAL = re.compile(r"[\\`*\[\]<>~|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|(?<=[^\s\w])_(?=[^\s\w])")
# What begins a block at the start of a line: a quote, a heading, a list, a rule, a fence, an underline.
_OPENING = re.compile(r"^(\s*)(?:(\d{1,9})(?=[.)](?:\s|$))|(?=#{1,6}(?:\s|$)|[+-](?:\s|$)|[-=]+\s*$))")


def escape_inline(text: str) -> str:
    """Return the text escaped for a place inside a line."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def escape_line_start(line: str) -> str:
    """Return a line, which is escaped otherwise, so that it begins no block."""
    found = _OPENING.match(line)
    if not found:
        return line
    number = found[2] or ""
    return f"{found[1]}{number}\\{line[found.end() :]}"


def code_span(text: str) -> str:
    """Return the text in backticks."""
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def code_fence(text: str) -> str:
    """Return the backticks for above and below a block of code."""
    return "`" * max(3, _longest_run(text) + 1)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
