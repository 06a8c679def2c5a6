"""Texts of others as parts of a Markdown document, and as words in a terminal."""

import re

# Markdown has no use for them, and a terminal that shows the document would obey them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# CommonMark 0.31: what would not stand for itself in a heading; its closing run of "#" counts as decoration (4.2).
_SPECIAL = re.compile(
    r"[`*<\[]"
    r"|(?<!\w)_|_(?!\w)"
    r"|\\(?=[!-/:-@\[-`{-~])"
    r"|&(?=#?\w+;)"
    r"|(?<!\S)#(?=#*$)"
)
# What would begin a block instead of a line: a quote, a heading, a list, a rule, a fence (4.1, 4.2, 4.5, 5.1, 5.2).
_OPENING = re.compile(r"^(\d{1,9}(?=[.)](?: |$))|(?=>|#{1,6}(?: |$)|[+-](?: |$)|---|~~~))")


def one_line(text: str) -> str:
    """Return text that is safe to show in a line of a terminal."""
    return " ".join(_CONTROLS.sub("", _BREAKS.sub(" ", text)).split())


def heading(text: str) -> str:
    """Return the text so that it means what it says in a heading."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def quotation(text: str) -> str:
    """Return the text as the one line of a block quote in a list item."""
    return "  > " + _OPENING.sub(r"\g<1>\\", heading(text))


def passage(text: str) -> str:
    """Return Markdown of others as it is, but for what is no text."""
    return _CONTROLS.sub("", _BREAKS.sub("\n", text)).strip("\n").rstrip()
