"""Input file: the text that a command reads from a file or from stdin, in UTF-8, UTF-16 or UTF-32."""

import json
import sys
from pathlib import Path

import click

_BYTES_PER_CHARACTER = 50
"""Stdin may never end: it is read up to this many bytes per character, which leaves room for white space around."""


def read_text(file: str, max_length: int) -> str:
    """Return the text of the file, or of stdin if it is called "-"; page breaks become line breaks.

    Raises:
        click.BadParameter: it cannot be read, is not Unicode, or has no text or more than `max_length` characters.
    """
    name = "stdin" if file == "-" else file
    try:
        return _decode(_content(file, max_length * _BYTES_PER_CHARACTER), max_length)
    except OSError as error:
        raise click.BadParameter(f"{name} cannot be read ({error.strerror}).", param_hint="FILE") from error
    except ValueError as error:
        raise click.BadParameter(f"{name} is {error}.", param_hint="FILE") from error


def _content(file: str, max_bytes: int) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(max_bytes)
    with Path(file).open("rb") as stream:
        return stream.read(max_bytes)


def _decode(content: bytes, max_length: int) -> str:
    too_long = ValueError(f"longer than {max_length:,} characters")
    if len(content) == max_length * _BYTES_PER_CHARACTER:
        raise too_long
    # By a byte order mark, or by the zeros in the first characters. Windows PowerShell 5.1 redirects as UTF-16.
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding).replace("\f", "\n")  # as pdftotext ends each page
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        name = "-".join(encoding.upper().split("-")[:2])
        raise ValueError(f"no {name} text (line {line})") from error
    if len(text.strip()) > max_length:
        raise too_long
    if not text.strip():
        raise ValueError("empty")
    return text
