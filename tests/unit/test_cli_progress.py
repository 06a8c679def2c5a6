import io
import os
import pty
from datetime import UTC, datetime, timedelta

from rich.console import Console

from aether.cli.news import AttemptFailed, OutlineWritten, SectionWritten, news
from aether.cli.progress import Bar, Lines, presentation
from aether.cli.wire import Attempt, Job, Report, Step

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
OUTLINE = ("I. Rise", "II. Fall")
FAILED = Attempt("section:0", 1, NOON, "Overloaded.", NOON + timedelta(seconds=2))
GIVEN_UP = Attempt("outline", 6, NOON, "Away.")
WAITING = Job("j", "pending", 1, partial=Report("Rome"))
OUTLINED = Job("j", "processing", 2, 1 / 3, partial=Report("Rome", OUTLINE), steps=(Step("section:0", "Rise"),))
HALF = Job(
    "j",
    "processing",
    4,
    2 / 3,
    partial=Report("Rome", OUTLINE, {"II. Fall": "It fell, [bold]slowly[/bold]."}),
    steps=(Step("section:0", "Rise"),),
    attempts=(FAILED,),
)
DONE = Job("j", "completed", 5, 1.0, report=Report("Rome", OUTLINE, {"I. Rise": "Up.", "II. Fall": "It fell."}))


def test_news_is_what_is_new() -> None:
    assert list(news(None, WAITING)) == []
    assert list(news(WAITING, OUTLINED)) == [OutlineWritten(2)]
    assert list(news(OUTLINED, HALF)) == [
        AttemptFailed("Rise", 1, "Overloaded.", 2.0),
        SectionWritten(2, 2, "II. Fall", "It fell, [bold]slowly[/bold]."),
    ]
    assert list(news(HALF, DONE)) == [SectionWritten(1, 2, "I. Rise", "Up.")]
    assert list(news(DONE, DONE)) == []


def test_whoever_comes_late_hears_everything_in_order() -> None:
    assert [type(item) for item in news(None, HALF)] == [AttemptFailed, OutlineWritten, SectionWritten]


def test_lines() -> None:
    stream = io.StringIO()
    with Lines(stream) as lines:
        lines.say("accepted")
        for before, after in ((None, OUTLINED), (OUTLINED, HALF), (HALF, DONE)):
            lines.show(before, after)
    assert stream.getvalue().splitlines() == [
        "accepted",
        "outline: 2 sections",
        "attempt failed: Rise, try 1: Overloaded; next try in 2 s",
        "section 2/2: II. Fall (3 words)",
        "section 1/2: I. Rise (1 word)",
    ]


def test_a_last_attempt_has_no_next_try() -> None:
    stream = io.StringIO()
    Lines(stream).show(None, Job("j", "failed", 3, attempts=(GIVEN_UP,)))
    assert stream.getvalue() == "attempt failed: outline, try 6: Away; no further try\n"


def test_the_bar_shows_headings_words_and_where_the_job_stands() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with Bar(console) as bar:
        bar.show(None, WAITING)
        bar.show(WAITING, OUTLINED)
        bar.show(OUTLINED, HALF)
    shown = stream.getvalue()
    assert "1 of 2 sections" in shown
    assert "67%" in shown
    assert "II. Fall (3 words)" in shown
    assert "  It fell, [bold]slowly[/bold]." in shown
    assert "attempt failed: Rise" in shown


def test_the_stages_of_the_bar() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    for job, stage in ((WAITING, "waiting for a worker"), (Job("j", "processing", 1), "writing the outline")):
        with Bar(console) as bar:
            bar.show(None, job)
        assert stage in stream.getvalue()


def test_only_a_terminal_gets_a_bar() -> None:
    assert isinstance(presentation(io.StringIO()), Lines)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        assert isinstance(presentation(terminal), Bar)
    os.close(ours)
