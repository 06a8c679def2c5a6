"""The page on reports names everything that a request may wish."""

from pathlib import Path

from aether.domain.derived_section import DerivedKind
from aether.domain.report_request import Checks

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")


def test_every_wish_is_described() -> None:
    assert [word for word in (*Checks, *DerivedKind) if f"`{word}`" not in PAGE] == []
