import io
import os
import pty
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console

from aether.cli.kinds.base import Attempt, Step
from aether.cli.kinds.checklist import ChecklistState
from aether.cli.kinds.image import Attempt as ImageAttempt
from aether.cli.kinds.image import ImageState
from aether.cli.kinds.report import Report, ReportState
from aether.cli.output.job_state import StateT
from aether.cli.output.progress import BarDisplay, LineDisplay, ProgressDisplay, TextPreview, progress_display
from aether.cli.output.progress_events import AttemptFailure, StepFinished, TextDelta

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=2)
OUTLINE = ("I. Rise", "II. Fall")
FAILED = Attempt("section:0", 1, NOON, "Overloaded.", SOON)
GIVEN_UP = Attempt("outline", 6, NOON, "Away.")
WAITING = ReportState("pending", partial=Report("Rome"))
OUTLINED = ReportState("processing", 1 / 3, partial=Report("Rome", OUTLINE), steps=(Step("section:0", "Rise"),))
HALF = ReportState(
    "processing",
    2 / 3,
    partial=Report("Rome", OUTLINE, {"II. Fall": "It fell, [bold]slowly[/bold]."}),
    steps=(Step("section:0", "Rise"),),
    attempts=(FAILED,),
)
DONE = ReportState("completed", 1.0, report=Report("Rome", OUTLINE, {"I. Rise": "Up.", "II. Fall": "It fell."}))


def update(display: ProgressDisplay, before: StateT | None, after: StateT) -> None:
    display.update(after.events_since(before), after.activity, after.progress)


def test_news_is_what_is_new() -> None:
    assert list(WAITING.events_since(None)) == []
    assert list(OUTLINED.events_since(WAITING)) == [StepFinished("outline", "2 sections")]
    assert list(HALF.events_since(OUTLINED)) == [
        AttemptFailure("Rise", 1, "Overloaded.", 2.0),
        StepFinished("section 2/2", "3 words", "II. Fall", "It fell, [bold]slowly[/bold]."),
    ]
    assert list(DONE.events_since(HALF)) == [StepFinished("section 1/2", "1 word", "I. Rise", "Up.")]
    assert list(DONE.events_since(DONE)) == []


def test_whoever_comes_late_hears_everything_in_order() -> None:
    told = list(HALF.events_since(None))
    assert told[0] == AttemptFailure("Rise", 1, "Overloaded.", 2.0)
    assert [event.label for event in told] == ["Rise", "outline", "section 2/2"]


def test_a_checklist_is_told_of_after_its_summary() -> None:
    running = ChecklistState("running")
    summarised = ChecklistState("running", "Wash, then cook.")
    done = ChecklistState("succeeded", "Wash, then cook.", "- Wash.\n- Cook.")
    assert list(running.events_since(None)) == []
    assert list(summarised.events_since(running)) == [StepFinished("summary", "3 words", text="Wash, then cook.")]
    assert list(done.events_since(summarised)) == [StepFinished("checklist", "2 items")]
    assert [event.label for event in done.events_since(None)] == ["summary", "checklist"]
    assert list(done.events_since(done)) == []


def test_the_failures_of_images_are_told_before_the_images() -> None:
    waits = ImageAttempt(1, NOON, "Away.", wait_seconds=1.5, step="image:1")
    due = ImageAttempt(2, NOON, "Away.", next_retry_at=SOON)
    last = ImageAttempt(3, NOON, "Away.")
    pending = ImageState("PENDING", attempts=(waits,))
    done = ImageState("COMPLETE", ("/0", "/1"), (waits, due, last))
    assert list(pending.events_since(None)) == [AttemptFailure("image 2", 1, "Away.", 1.5)]
    assert list(done.events_since(pending)) == [
        AttemptFailure("image", 2, "Away.", 2.0),
        AttemptFailure("image", 3, "Away.", None),
        StepFinished("made", "2 images"),
    ]


def test_lines() -> None:
    stream = io.StringIO()
    with LineDisplay(stream) as display:
        display.message("accepted")
        for before, after in ((None, OUTLINED), (OUTLINED, HALF), (HALF, DONE)):
            update(display, before, after)
    assert stream.getvalue().splitlines() == [
        "accepted",
        "outline: 2 sections",
        "attempt failed: Rise, try 1: Overloaded; next try in 2 s",
        "section 2/2: II. Fall (3 words)",
        "section 1/2: I. Rise (1 word)",
    ]


def test_a_last_attempt_has_no_next_try() -> None:
    stream = io.StringIO()
    update(LineDisplay(stream), None, ReportState("failed", attempts=(GIVEN_UP,)))
    assert stream.getvalue() == "attempt failed: outline, try 6: Away; no further try\n"


def test_the_bar_shows_headings_words_and_where_the_job_stands() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with BarDisplay(console) as bar:
        update(bar, None, WAITING)
        update(bar, WAITING, OUTLINED)
        update(bar, OUTLINED, HALF)
    shown = stream.getvalue()
    assert "1 of 2 sections" in shown
    assert "67%" in shown
    assert "II. Fall (3 words)" in shown
    assert "  It fell, [bold]slowly[/bold]." in shown
    assert "attempt failed: Rise" in shown


def streaming_to(*deltas: TextDelta, then: Sequence[ReportState] = ()) -> str:
    """What a terminal shows at the last."""
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=30, color_system=None)) as bar:
        for delta in deltas:
            bar.preview(delta)
        for state in then:
            update(bar, None, state)
    return stream.getvalue().rpartition("connecting")[2]


def test_below_the_bar_are_the_last_words_of_what_is_written() -> None:
    shown = streaming_to(TextDelta(0, 1, "In the year 753 the"), TextDelta(0, 1, "\n\n\atown of Rome was foun"))
    assert "\n753 the town of Rome was foun\n" in shown


def test_of_sections_that_are_written_at_once_one_is_shown() -> None:
    shown = streaming_to(TextDelta(1, 1, "It fell"), TextDelta(0, 1, "It rose"), TextDelta(1, 1, " slowly"))
    assert "It fell slowly" in shown
    assert "It rose" not in shown


def test_another_try_is_shown_from_its_beginning() -> None:
    draft = TextPreview(0, 1).followed_by(TextDelta(0, 1, "It rose")).followed_by(TextDelta(0, 2, "It"))
    assert draft == TextPreview(0, 2, "It")


def test_what_happens_makes_room_for_another_section() -> None:
    assert "It rose" not in streaming_to(TextDelta(0, 1, "It rose"), then=[OUTLINED])


def test_a_draft_ends_at_the_edge_whatever_its_letters_are() -> None:
    assert TextPreview(0, 1, "It rose and fell.").line(8).plain == "nd fell."
    assert TextPreview(0, 1, "羅馬城的建立").line(7).plain == "的建立"


def test_lines_show_no_drafts() -> None:
    stream = io.StringIO()
    LineDisplay(stream).preview(TextDelta(0, 1, "It rose"))
    assert stream.getvalue() == ""


def test_a_progress_that_nobody_knows_has_no_figure() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with BarDisplay(console) as bar:
        update(bar, None, ImageState("PENDING"))
    assert "waiting for the image server" in stream.getvalue()
    assert "%" not in stream.getvalue()


def test_a_text_without_a_title_begins_below_what_it_is() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with BarDisplay(console) as bar:
        update(bar, None, ChecklistState("running", "Wash, then cook."))
    assert "summary (3 words)\n  Wash, then cook." in stream.getvalue().replace("\r", "")


def test_stages_and_progress() -> None:
    checklist = ChecklistState("running", "Wash."), ChecklistState("succeeded", "Wash.", "- Wash.")
    assert (WAITING.activity, OUTLINED.activity) == ("waiting for a worker", "0 of 2 sections")
    assert ReportState("processing").activity == "writing the outline"
    assert ChecklistState("pending").activity == "waiting for a worker"
    assert ChecklistState("running").activity == "summarising the guideline"
    assert checklist[0].activity == "writing the checklist"
    assert [state.progress for state in checklist] == [0.5, 1.0]
    assert (
        ImageState("PENDING", attempts=(ImageAttempt(1, NOON, ""),)).activity
        == "waiting for the image server; 1 attempt failed"
    )


def test_only_a_terminal_gets_a_bar() -> None:
    assert isinstance(progress_display(io.StringIO()), LineDisplay)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        assert isinstance(progress_display(terminal), BarDisplay)
    os.close(ours)
