"""Findings of a section: how they are made, weighed against each other, and told to a model."""

from collections.abc import Iterable

from aether.domain.finding import Finding
from aether.domain.plain_text import shorten
from aether.workflows.report.quality.thresholds import RULES, Action

MAX_DETAIL = 400
"""Characters of a finding's detail."""
_LESS = 4
"""How many times less a fault weighs that is only reported than one of the same check that asks for a rewrite."""


def found(
    code: str,
    section: int | None,
    detail: str,
    measured: tuple[float, float] | None = None,
    *,
    needs_rewrite: bool | None = None,
) -> Finding:
    """Make a finding of a check; `measured` is the value and its limit.

    It asks for a rewrite if the check's action does, unless it is said otherwise; then it weighs less.
    """
    rule = RULES[code]
    rewrite = rule.action is Action.REWRITE if needs_rewrite is None else needs_rewrite
    weight = rule.weight if rewrite or rule.action is not Action.REWRITE else rule.weight / _LESS
    text = shorten(" ".join(detail.split()), MAX_DETAIL - 2)
    value, limit = (None, None) if measured is None else (round(measured[0], 3), measured[1])
    return Finding(code, section, text, value, limit, weight, rewrite, rule.action is Action.STRIP)


def weight(findings: Iterable[Finding]) -> float:
    """Weigh the faults that are still in a text; a rewritten section is kept if its weight is less than before."""
    return sum(finding.weight for finding in findings if not finding.is_removed)


def faults_in_words(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Tell a model what is wrong with its section, one sentence for each fault that asks for a rewrite.

    The sentences quote the section, so they are escaped like all material where they stand in a prompt.
    """
    return tuple(dict.fromkeys(finding.detail for finding in findings if finding.needs_rewrite))
