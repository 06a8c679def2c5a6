"""A report as one Markdown document."""

import re

from aether.cli.wire import Report

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


def to_markdown(report: Report) -> str:
    """Write the topic as the title and each section under its heading; headings without a section are left out."""
    parts = [f"# {_heading(report.topic)}"]
    for heading in report.outline:
        if heading in report.sections:
            parts += [f"## {_heading(heading)}", _text(report.sections[heading])]
    return "\n\n".join(part for part in parts if part) + "\n"


def one_line(text: str) -> str:
    """Return text that is safe to show in a line of a terminal."""
    return " ".join(_CONTROLS.sub("", _BREAKS.sub(" ", text)).split())


def _heading(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def _text(text: str) -> str:
    return _CONTROLS.sub("", _BREAKS.sub("\n", text)).strip("\n").rstrip()
