from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from aether.domain.report import OutlineItem
from aether.domain.report_request import FreeSections, Length, ReportPlan, ReportRequest, SectionPlan
from aether.domain.stored_request import stored_request_decoder

BRIEF = SectionPlan("Origins", "How it began.", "Name three dates.", Length.BRIEF)
FALL = SectionPlan("Fall")
REQUEST = ReportRequest(
    topic="Rome", outline=("Origins", "Fall"), instructions="Mention salt.", plan=ReportPlan((BRIEF, FALL))
)


def titles(count: int, prefix: str) -> list[str]:
    return [f"{prefix} {'abcdefghijklmnopqrst'[at]}" for at in range(count)]


def test_the_wishes_of_a_section_hold_for_it_alone() -> None:
    first, second = REQUEST.for_section(0, 2), REQUEST.for_section(1, 2)

    assert (first.length, first.instructions) == (Length.BRIEF, "Mention salt.\nName three dates.")
    assert (second.length, second.instructions) == (Length.STANDARD, "Mention salt.")


def test_an_outline_of_titles_is_a_plan_without_wishes() -> None:
    request = ReportRequest(topic="Rome", outline=("Origins", "Fall"))

    assert request.planned == ReportPlan((SectionPlan("Origins"), SectionPlan("Fall")))
    assert request.for_section(1, 2) == request
    assert ReportRequest(topic="Rome").planned is None


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 5))
def test_added_sections_stand_together_and_each_position_finds_its_section(
    planned: int, after: int, added: int
) -> None:
    sections = tuple(map(SectionPlan, titles(planned, "Planned")))
    plan = ReportPlan(sections, FreeSections(1, 5, min(after, planned)))
    new = titles(added, "Added")

    outline = plan.outline_with(list(map(OutlineItem, new)))

    found = [plan.section_at(at, len(outline.items)) for at in range(len(outline.items))]
    assert tuple(filter(None, found)) == sections
    assert [item.title for item, section in zip(outline.items, found, strict=True) if section is None] == new
    for item, section in zip(outline.items, found, strict=True):
        assert section is None or section.title == item.title


@pytest.mark.parametrize("wish", ["covers", "instructions", "length"])
def test_a_stored_plan_is_read_whatever_a_newer_version_has_put_into_it(wish: str) -> None:
    section = {"title": "Origins " * 99, wish: "epic" * 999, "sources": [1]}
    stored = {"topic": "Rome", "plan": {"sections": [section] * 99, "free": {"min": 9, "max": 99, "after": 1}}}

    request = stored_request_decoder(ReportRequest).decode(msgspec.json.encode(stored))

    assert isinstance(request.plan, ReportPlan)
    assert (len(request.plan.sections), getattr(request.plan.sections[0], wish)) == (99, "epic" * 999)


def test_a_request_without_planned_sections_is_stored_as_it_always_was() -> None:
    request: Sequence[object] = (
        msgspec.json.decode(msgspec.json.encode(ReportRequest(topic="Rome"))),
        msgspec.json.decode(msgspec.json.encode(ReportRequest(topic="Rome", outline=("Fall",), sections=UNSET))),
    )

    assert request == ({"topic": "Rome"}, {"topic": "Rome", "outline": ["Fall"]})
