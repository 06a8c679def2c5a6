"""The page on reports names every check, and every wish that a request may have for it."""

from pathlib import Path

from aether.domain.derived_section import DerivedKind
from aether.domain.report import Checks
from aether.workflows.report.quality.thresholds import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")


def test_every_check_and_every_wish_is_described() -> None:
    assert [word for word in (*RULES, *Checks, *DerivedKind, "ungrounded") if f"`{word}`" not in PAGE] == []
