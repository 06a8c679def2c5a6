"""The guideline that a checklist is made from, out of a file or a pipe."""

import sys
from pathlib import Path

import click

from aether.domain.checklist import MAX_GUIDELINE

_MOST_BYTES = 1_000_000
"""As much as is read of what may have no end; far more than the longest guideline with all the space around it."""


def read_guideline(file: str) -> str:
    """Return the text of the file, or of stdin if it is called "-"; page breaks become line breaks.

    Raises:
        click.BadParameter: there is none, or none of which a checklist could be made.
    """
    name = "stdin" if file == "-" else file
    try:
        return _text(_content(file))
    except OSError as error:
        raise click.BadParameter(f"{name} cannot be read ({error.strerror}).", param_hint="FILE") from error
    except ValueError as error:
        raise click.BadParameter(f"{name} is {error}.", param_hint="FILE") from error


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(_MOST_BYTES)
    with Path(file).open("rb") as stream:
        return stream.read(_MOST_BYTES)


def _text(content: bytes) -> str:
    too_long = ValueError(f"longer than {MAX_GUIDELINE:,} characters")
    if len(content) == _MOST_BYTES:
        raise too_long
    try:
        text = content.decode("utf-8-sig").replace("\f", "\n")  # as pdftotext ends each page
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"no UTF-8 text (line {line})") from error
    if len(text.strip()) > MAX_GUIDELINE:
        raise too_long
    if not text.strip():
        raise ValueError("empty")
    return text
