"""Model table: what was found out about a model, as a table for people or as JSON for programs."""

import sys
import textwrap
from collections.abc import Sequence

import click
import msgspec

from aether.adapters.openai.probe_checks import CheckName, ProbeFinding, ProbeResult, Result
from aether.cli.output.markdown import one_line

_LABELS: dict[CheckName, str] = {
    "models": "list of models",
    "answer": "answers",
    "system": "system messages",
    "stream": "streams",
    "schema": "JSON schema",
    "object": "JSON object",
    "prompt": "JSON by the prompt",
    "context": "context",
}
_MARKS: dict[Result, str] = {"works": "ok", "fails": "no", "unknown": "?"}
# What Aether does about a feature that fails.
_INSTEAD: dict[CheckName, str] = {
    "system": "Aether puts the instructions into the user's message",
    "stream": "Aether shows texts when they are complete",
    "schema": "Aether asks for any JSON object, or in the prompt",
}
_INDENT = " " * 26
_WIDTH = 100


class FindingView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finding in JSON."""

    check: CheckName
    result: Result
    detail: str = ""
    seconds: float | None = None


class ModelView(msgspec.Struct, frozen=True):
    """A model in JSON."""

    url: str
    model: str
    usable: bool
    context: int | None
    models: tuple[str, ...]
    findings: tuple[FindingView, ...]
    advice: tuple[str, ...]


def model_view(result: ProbeResult, advice: Sequence[str]) -> ModelView:
    """Return what was found out as JSON shows it."""
    findings = (FindingView(each.name, each.result, each.detail, _rounded(each.seconds)) for each in result.findings)
    names = tuple(model.id for model in result.models)
    return ModelView(result.url, result.model, result.is_usable, result.context, names, tuple(findings), tuple(advice))


def print_model_table(result: ProbeResult, advice: Sequence[str]) -> None:
    """Write the table to stdout: one line for each check, then a verdict, then what to set."""
    click.echo(f"server  {one_line(result.url)}\nmodel   {one_line(result.model)}\n")
    for finding in result.findings:
        click.echo(_row(finding))
    can = "can" if result.is_usable else "cannot"
    click.echo(f"\nAether {can} use this model.")
    for sentence in advice:
        click.echo(textwrap.fill(one_line(sentence), _WIDTH, initial_indent="- ", subsequent_indent="  "))
    sys.stdout.flush()


def _row(finding: ProbeFinding) -> str:
    seconds = f"{finding.seconds:.1f} s" if finding.seconds is not None else ""
    parts = [one_line(finding.detail).rstrip("."), _INSTEAD.get(finding.name, "") if finding.result == "fails" else ""]
    detail = "; ".join(part for part in (seconds if finding.result == "works" else "", *parts) if part)
    head = f"{_MARKS[finding.result]:<4}{_LABELS[finding.name]:<22}"
    return textwrap.fill(detail, _WIDTH, initial_indent=head, subsequent_indent=_INDENT) if detail else head.rstrip()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
