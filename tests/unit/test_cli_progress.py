import io
import os
import pty

from rich.console import Console

from aether.cli.output.progress import BarDisplay, LineDisplay, TextPreview, progress_display
from aether.cli.output.progress_events import AttemptFailure, ProgressEvent, StepFinished, TextDelta

OUTLINE = StepFinished("outline", "2 sections")
SECTION = StepFinished("section 2/2", "3 words", "II. Fall", "It fell, [bold]slowly[/bold].")
FAILURE = AttemptFailure("Rise", 1, "Overloaded.", 2.0)


def test_a_line_display_writes_one_line_for_each_event() -> None:
    stream = io.StringIO()
    with LineDisplay(stream) as display:
        display.message("accepted")
        display.update([OUTLINE], "0 of 2 sections", 0.3)
        display.update([FAILURE, SECTION], "1 of 2 sections", 0.7)
    assert stream.getvalue().splitlines() == [
        "accepted",
        "outline: 2 sections",
        "attempt failed: Rise, try 1: Overloaded; next try in 2 s",
        "section 2/2: II. Fall (3 words)",
    ]


def test_labels_and_titles_cannot_control_a_terminal() -> None:
    stream = io.StringIO()
    LineDisplay(stream).update(
        [StepFinished("Rise\x1b[2J\n", "done"), StepFinished("1/2", "done", "F\x1ball")], "", None
    )
    assert stream.getvalue() == "Rise[2J: done\n1/2: Fall (done)\n"


def test_after_the_last_attempt_there_is_no_next_try() -> None:
    stream = io.StringIO()
    LineDisplay(stream).update([AttemptFailure("outline", 6, "Away.", None)], "", None)
    assert stream.getvalue() == "attempt failed: outline, try 6: Away; no further try\n"


def test_a_line_display_shows_no_preview() -> None:
    stream = io.StringIO()
    LineDisplay(stream).preview(TextDelta(0, 1, "It rose"))
    assert stream.getvalue() == ""


def on_terminal(*events: ProgressEvent, activity: str = "", progress: float | None = None) -> str:
    """What a terminal shows after an update."""
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=100, color_system=None)) as bar:
        bar.update(events, activity, progress)
    return stream.getvalue().replace("\r", "")


def test_a_bar_shows_titles_excerpts_the_activity_and_the_progress() -> None:
    shown = on_terminal(OUTLINE, FAILURE, SECTION, activity="1 of 2 sections", progress=2 / 3)
    assert "1 of 2 sections" in shown
    assert "67%" in shown
    assert "II. Fall (3 words)\n  It fell, [bold]slowly[/bold]." in shown
    assert "attempt failed: Rise" in shown


def test_an_activity_is_shown_without_markup() -> None:
    """It may be the word of a newer server for a status."""
    assert "[red]paused[/red]" in on_terminal(activity="[red]paused[/red]")


def test_an_unknown_progress_has_no_percentage() -> None:
    shown = on_terminal(activity="waiting for the image server")
    assert "waiting for the image server" in shown
    assert "%" not in shown


def test_a_text_without_a_title_is_shown_below_its_label() -> None:
    shown = on_terminal(StepFinished("summary", "3 words", text="Wash, then cook."))
    assert "summary (3 words)\n  Wash, then cook." in shown


def previewed(*deltas: TextDelta, then: ProgressEvent | None = None) -> str:
    """What a terminal shows last."""
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=30, color_system=None)) as bar:
        for delta in deltas:
            bar.preview(delta)
        if then is not None:
            bar.update([then], "", None)
    return stream.getvalue().rpartition("connecting")[2]


def test_a_preview_shows_the_last_words_below_the_bar() -> None:
    shown = previewed(TextDelta(0, 1, "In the year 753 the"), TextDelta(0, 1, "\n\n\atown of Rome was foun"))
    assert "\n753 the town of Rome was foun\n" in shown


def test_one_of_several_texts_is_previewed() -> None:
    shown = previewed(TextDelta(1, 1, "It fell"), TextDelta(0, 1, "It rose"), TextDelta(1, 1, " slowly"))
    assert "It fell slowly" in shown
    assert "It rose" not in shown


def test_an_update_ends_the_preview() -> None:
    assert "It rose" not in previewed(TextDelta(0, 1, "It rose"), then=OUTLINE)


def test_another_attempt_begins_the_preview_anew() -> None:
    preview = TextPreview(0, 1).followed_by(TextDelta(0, 1, "It rose")).followed_by(TextDelta(0, 2, "It"))
    assert preview == TextPreview(0, 2, "It")


def test_a_preview_is_cut_to_the_width_that_its_characters_take() -> None:
    assert TextPreview(0, 1, "It rose and fell.").line(8).plain == "nd fell."
    assert TextPreview(0, 1, "羅馬城的建立").line(7).plain == "的建立"


def test_only_a_terminal_gets_a_bar() -> None:
    assert isinstance(progress_display(io.StringIO()), LineDisplay)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        assert isinstance(progress_display(terminal), BarDisplay)
    os.close(ours)
