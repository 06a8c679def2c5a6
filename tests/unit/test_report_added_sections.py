import json

import pytest

from aether.domain.job import Usage
from aether.domain.report import Outline, OutlineItem
from aether.domain.report_request import FreeSections, ReportPlan, SectionPlan
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Reply
from aether.workflows.report.outline_parser import without_planned
from aether.workflows.report.outline_reader import OutlineReader

WITH_FREE = ReportPlan((SectionPlan("1. Kings", "Seven of them."), SectionPlan("Emperors")), FreeSections(1, 2, 1))


def reader() -> OutlineReader:
    return OutlineReader("Rome", WITH_FREE.free, (), lambda found: without_planned(found, WITH_FREE))


def read(*titles: str, by: OutlineReader | None = None) -> Outline:
    found = (by or reader()).read(Reply(json.dumps(titles), cut_off=False, usage=Usage()))
    return WITH_FREE.outline_with(found.items)


@pytest.mark.parametrize(
    ("titles", "added"),
    [
        (["Republic"], ["Republic"]),
        (["Republic", "Wars of Conquest", "Trade and Coins"], ["Republic", "Wars of Conquest"]),
        (["Kings", "Republic", "EMPERORS"], ["Republic"]),
        (["Republic", "Section 2"], ["Republic"]),
    ],
)
def test_added_sections_are_put_in_their_place(titles: list[str], added: list[str]) -> None:
    outline = read(*titles)

    assert outline.items[0] == OutlineItem("Kings", "Seven of them.")
    assert [item.title for item in outline.items] == ["Kings", *added, "Emperors"]


def test_an_answer_that_only_repeats_planned_sections_cannot_be_used() -> None:
    with pytest.raises(UnusableOutputError, match="it has 0 new sections instead of 1"):
        read("Kings", "Emperors")


def test_the_best_of_two_answers_with_faults_has_all_sections() -> None:
    both = reader()
    with pytest.raises(UnusableOutputError):
        read("Section 1", by=both)

    assert [item.title for item in read("Section 1", by=both).items] == ["Kings", "Section 1", "Emperors"]
