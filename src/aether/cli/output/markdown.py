"""Markdown: text from elsewhere, made safe for a document or for a line in a terminal."""

import re

# Markdown has no use for control characters, and a terminal that shows the document would obey them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# CommonMark 0.31: what has a meaning of its own in a heading; a closing run of "#" is not part of its text (4.2).
_SPECIAL = re.compile(
    r"[`*<\[]"
    r"|(?<!\w)_|_(?!\w)"
    r"|\\(?=[!-/:-@\[-`{-~])"
    r"|&(?=#?\w+;)"
    r"|(?<!\S)#(?=#*$)"
)
# What would begin a block in a line: a quote, a heading, a list, a thematic break, a fence (4.1, 4.2, 4.5, 5.1, 5.2).
_OPENING = re.compile(r"^(\d{1,9}(?=[.)](?: |$))|(?=>|#{1,6}(?: |$)|[+-](?: |$)|---|~~~))")


def one_line(text: str) -> str:
    """Return the text on one line, without control characters: safe to show in a terminal."""
    return " ".join(_CONTROLS.sub("", _BREAKS.sub(" ", text)).split())


def heading(text: str) -> str:
    """Return the text escaped for a heading."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def quotation(text: str) -> str:
    """Return the text as a block quote of one line in a list item."""
    return "  > " + _OPENING.sub(r"\g<1>\\", heading(text))


def passage(text: str) -> str:
    """Return the Markdown unchanged, except for control characters and empty lines around it."""
    return without_controls(text).strip("\n").rstrip()


def without_controls(text: str) -> str:
    """Return the text without control characters, and with line feeds as its only line breaks."""
    return _CONTROLS.sub("", _BREAKS.sub("\n", text))
