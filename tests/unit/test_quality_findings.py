import re
from pathlib import Path

from aether.domain.finding import Finding
from aether.workflows.report.quality.findings import MAX_DETAIL, faults_in_words, found, weight
from aether.workflows.report.quality.thresholds import RULES, Action

DOCS = Path(__file__).parents[2] / "docs" / "checks.md"


def test_a_finding_has_what_its_rule_says() -> None:
    for code, rule in RULES.items():
        finding = found(code, 2, "Words.", (1 / 3, 0.25))

        assert finding == Finding(
            code, 2, "Words.", 0.333, 0.25, rule.weight, rule.action is Action.REWRITE, rule.action is Action.STRIP
        )


def test_a_fault_that_is_only_reported_weighs_less() -> None:
    assert weight([found("length", 0, "a", needs_rewrite=False)]) < weight([found("length", 0, "a")])


def test_what_was_removed_weighs_nothing() -> None:
    assert weight([found("preamble", 0, "a"), found("closing", 0, "b")]) == RULES["closing"].weight


def test_a_detail_is_one_line_of_bounded_length() -> None:
    detail = found("loop", 0, "word \n" * 1_000).detail

    assert len(detail) <= MAX_DETAIL
    assert "\n" not in detail


def test_a_model_is_told_each_fault_that_asks_for_a_rewrite_once() -> None:
    findings = [found("loop", 0, "A."), found("closing", 0, "B."), found("loop", 0, "A."), found("language", 0, "C.")]

    assert faults_in_words(findings) == ("A.", "C.")


def documented(code: str) -> str:
    rule = RULES[code]
    limits = ", ".join(f"{name} {limit:g}" for name, limit in rule.limits.items())
    return f"| `{code}` | {rule.finds} | {limits} | {rule.action} |"


def test_the_documentation_has_every_check_with_its_limits() -> None:
    rows = re.findall(r"^\| `[a-z_0-9]+` \|.*\| (?:strip|rewrite|report) \|$", DOCS.read_text("utf-8"), re.MULTILINE)

    assert [documented(code) for code in RULES] == rows
