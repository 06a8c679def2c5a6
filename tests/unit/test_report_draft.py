"""What a caller wrote of one section holds for its checks."""

from msgspec import UNSET, UnsetType

from aether.domain.report import Section
from aether.domain.report_request import ReportPlan, ReportRequest, SectionPlan
from aether.workflows.report.draft import Draft
from aether.workflows.report.quality.sections import check_sections

TOPIC = "The history of the city of Rome and of its people"
GERMAN = (
    "Die Stadt wurde auf sieben Hügeln gebaut und wuchs in wenigen Jahrhunderten zu einer Macht, die das ganze Meer "
    "beherrschte. Der Senat bestand aus den ältesten Familien, und das Volk wählte jedes Jahr zwei Konsuln, die das "
    "Heer führten und über den Frieden entschieden."
)
SYNTAX = "A variable is written as {{name}} in each text of the template."


def faults(text: str, covers: str | UnsetType = UNSET, instructions: str | UnsetType = UNSET) -> set[str]:
    """Return the faults of a section, without that of its length."""
    plan = ReportPlan((SectionPlan("For Our Office", covers, instructions), SectionPlan("Trade")))
    request = ReportRequest(topic=TOPIC, outline=plan.titles, plan=plan)
    draft = Draft(request, plan.outline_with(), (Section(text), Section("Grain came from Egypt.")))
    found = check_sections(draft.texts, draft.assignment)
    return {fault.code for fault in found if fault.section == 0} - {"length"}


def test_instructions_of_a_section_may_ask_for_another_language() -> None:
    assert faults(GERMAN) == {"language"}
    assert faults(GERMAN, instructions="Write this section in German.") == set()


def test_what_a_section_is_to_say_is_no_placeholder() -> None:
    assert faults(SYNTAX) == {"placeholder"}
    assert faults(SYNTAX, covers="How {{name}} is used.") == set()
    assert faults(SYNTAX, instructions="Show the syntax {{name}}.") == set()
