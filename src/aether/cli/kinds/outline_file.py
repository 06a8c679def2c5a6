"""Outline file: the planned sections of a report that a command reads, in JSON or in Markdown."""

from typing import Any

import click
import msgspec

from aether.cli.kinds.input_file import read_text
from aether.domain.report_request import SectionPlan
from aether.domain.template_markdown import parse_markdown, section_plan

_MAX_OUTLINE = 100_000  # characters; the server's own limits are less
_OPTION = "--outline-file"


def read_outline(file: str) -> list[Any]:  # Any: JSON values, which the server checks
    """Return the `outline` of a request from a file, or from stdin if it is called "-".

    Raises:
        click.BadParameter: it cannot be read, or has no sections.
    """
    text = read_text(file, _MAX_OUTLINE)
    if text.lstrip().startswith("["):
        return _from_json(text)
    sections = parse_markdown(text).sections
    if not sections:
        message = "It has neither a list in JSON nor a heading of the second level (## Title)."
        raise click.BadParameter(message, param_hint=_OPTION)
    plans: list[SectionPlan] = [section_plan(section) for section in sections]
    return [msgspec.to_builtins(plan) for plan in plans]


def _from_json(text: str) -> list[Any]:  # Any: as above
    try:
        return msgspec.json.decode(text, type=list[Any])
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"It is not valid JSON: {error}.", param_hint=_OPTION) from error
