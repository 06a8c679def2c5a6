from datetime import UTC, datetime, timedelta

import pytest

from aether.cli.kinds.base import Attempt, Step
from aether.cli.kinds.report import REPORT, report_document, to_markdown
from aether.cli.kinds.report_state import GlossaryEntry, Quality, QualityIssue, Report, ReportState
from aether.cli.output.progress_events import AttemptFailure, StepFinished

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
OUTLINE = ("I. Rise", "II. Fall")
WAITING = ReportState("pending", partial=Report("Rome"))
OUTLINED = ReportState("processing", 1 / 3, partial=Report("Rome", OUTLINE), steps=(Step("section:0", "Rise"),))
HALF = ReportState(
    "processing",
    2 / 3,
    partial=Report("Rome", OUTLINE, {"II. Fall": "It fell."}),
    steps=(Step("section:0", "Rise"),),
    attempts=(Attempt("section:0", 1, NOON, "Overloaded.", NOON + timedelta(seconds=2)),),
)
COMPLETED = ReportState("completed", 1.0, report=Report("Rome", OUTLINE, {"I. Rise": "Up.", "II. Fall": "It fell."}))


def test_events_are_what_has_happened_since_the_previous_state() -> None:
    assert list(WAITING.events_since(None)) == []
    assert list(OUTLINED.events_since(WAITING)) == [StepFinished("outline", "2 sections")]
    assert list(HALF.events_since(OUTLINED)) == [
        AttemptFailure("Rise", 1, "Overloaded.", 2.0),
        StepFinished("section 2/2", "2 words", "II. Fall", "It fell."),
    ]
    assert list(COMPLETED.events_since(HALF)) == [StepFinished("section 1/2", "1 word", "I. Rise", "Up.")]
    assert list(COMPLETED.events_since(COMPLETED)) == []


def test_a_section_that_is_written_again_and_the_quality_at_the_end_are_told() -> None:
    issues = ("stripped", "preamble"), ("stripped", "preamble"), ("rewritten", "loop"), ("reported", "length")
    quality = Quality(tuple(QualityIssue(code, action) for action, code in issues))
    written = {"I. Rise": "Up.", "II. Fall": "It fell again."}
    ended = ReportState("completed", 1.0, report=Report("Rome", OUTLINE, written), quality=quality)

    assert list(ended.events_since(COMPLETED)) == [
        StepFinished("section 2/2 rewritten", "3 words", "II. Fall", "It fell again."),
    ]
    assert list(ended.events_since(HALF))[-1] == StepFinished(
        "quality", "2 removed (preamble 2×); 1 mended by a rewrite (loop); 1 left (length)"
    )


@pytest.mark.parametrize(
    ("step", "activity"),
    [
        (Step("rewrite:0", "I. Rise", "running"), "rewriting I. Rise"),
        (Step("derived:summary", "Summary", "running"), "writing the Summary"),
        (Step("derived:summary", "Summary"), "2 of 2 sections"),
    ],
)
def test_the_activity_tells_what_is_written_after_the_sections(step: Step, activity: str) -> None:
    state = ReportState("processing", partial=Report("Rome", OUTLINE, {"I. Rise": "", "II. Fall": ""}), steps=(step,))
    assert state.activity == activity


def test_the_summary_and_the_key_points_come_before_the_sections_and_the_rest_behind_them() -> None:
    report = Report(
        "Rome", ("I. Rise",), {"I. Rise": "Up."}, "In short.", "At last.", ("One.", "Two."), (GlossaryEntry("*A", "B"),)
    )
    assert to_markdown(report) == (
        "# Rome\n\n## Summary\n\nIn short.\n\n## Key points\n\n- One.\n- Two.\n\n## I. Rise\n\nUp.\n\n"
        "## Conclusion\n\nAt last.\n\n## Glossary\n\n- **\\*A**: B\n"
    )


def test_without_a_previous_state_all_events_come_in_order() -> None:
    events = list(HALF.events_since(None))
    assert events[0] == AttemptFailure("Rise", 1, "Overloaded.", 2.0)
    assert [event.label for event in events] == ["Rise", "outline", "section 2/2"]


@pytest.mark.parametrize(
    ("state", "outcome", "activity", "completed_work"),
    [
        (WAITING, None, "waiting for a worker", "the outline was not written yet"),
        (ReportState("processing"), None, "writing the outline", "the outline was not written yet"),
        (OUTLINED, None, "0 of 2 sections", "0 of 2 sections were finished"),
        (HALF, None, "1 of 2 sections", "1 of 2 sections were finished"),
        (COMPLETED, "succeeded", "2 of 2 sections", "2 of 2 sections were finished"),
        (ReportState("cancelled"), "cancelled", "writing the outline", "the outline was not written yet"),
        (ReportState("failed"), "failed", "writing the outline", "the outline was not written yet"),
    ],
)
def test_a_state_says_how_far_the_report_is(
    state: ReportState, outcome: str | None, activity: str, completed_work: str
) -> None:
    assert (state.outcome, state.activity, state.completed_work) == (outcome, activity, completed_work)


@pytest.mark.parametrize("state", [ReportState("failed"), ReportState("failed", partial=Report("Rome", OUTLINE))])
def test_without_a_finished_section_there_is_no_document(state: ReportState) -> None:
    assert report_document(state) == ""


def test_sections_are_in_the_order_of_the_outline() -> None:
    report = Report("Rome", ("I. Rise", "II. Fall"), {"II. Fall": "It fell.", "I. Rise": "It rose.\n\nTwice."})
    assert to_markdown(report) == "# Rome\n\n## I. Rise\n\nIt rose.\n\nTwice.\n\n## II. Fall\n\nIt fell.\n"


def test_a_section_that_is_not_written_has_no_heading() -> None:
    report = Report("Rome", ("I. Rise", "II. Fall"), {"II. Fall": "It fell."})
    assert to_markdown(report) == "# Rome\n\n## II. Fall\n\nIt fell.\n"


def test_the_indentation_of_the_first_line_is_kept() -> None:
    report = Report("Code", ("I. Code",), {"I. Code": "\n\n    x = 1\n\n"})
    assert to_markdown(report) == "# Code\n\n## I. Code\n\n    x = 1\n"


def test_control_characters_are_removed() -> None:
    report = Report("Rome\x1b[2J", ("I. Rise",), {"I. Rise": "It\x9b31m rose.\r\nTwice.\x07\tYes."})
    assert to_markdown(report) == "# Rome\\[2J\n\n## I. Rise\n\nIt31m rose.\nTwice.\tYes.\n"


SMALL = "SmolLM2-135M-Instruct.Q4_1"


@pytest.mark.parametrize(
    ("fields", "model", "warned"),
    [
        ({"topic": "Die Geschichte des Brotes"}, SMALL, True),
        ({"topic": "Bread", "language": "German"}, SMALL, True),
        ({"topic": "Bread"}, SMALL, False),
        ({"topic": "Die Geschichte des Brotes"}, "qwen2.5:0.5b", False),
    ],
)
def test_of_a_language_that_the_model_does_not_write_the_user_is_told(
    fields: dict[str, str], model: str, *, warned: bool
) -> None:
    assert bool(REPORT.cautions(fields, model)) is warned


@pytest.mark.parametrize(("model", "noted"), [(SMALL, True), ("qwen2.5:0.5b", True), ("gpt-4.1-mini", False)])
def test_of_a_small_model_it_is_said_that_it_makes_up_facts(model: str, *, noted: bool) -> None:
    assert (REPORT.model_note(model) is not None) is noted
