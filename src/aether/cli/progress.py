"""How the making of a report is shown: lines for files and pipes, a moving bar for people."""

import textwrap
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from aether.cli.markdown import one_line
from aether.cli.news import AttemptFailed, News, OutlineWritten, SectionWritten, news
from aether.cli.wire import Job

_EXCERPT = 100


class Presentation(Protocol):
    """Shows what it is told, to the end of its context."""

    def say(self, text: str) -> None:
        """Show a remark."""
        ...

    def show(self, before: Job | None, after: Job) -> None:
        """Show what happened between two looks at the job."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def presentation(stream: TextIO) -> Presentation:
    """Return the one that fits the stream."""
    console = Console(file=stream, highlight=False)
    return Bar(console) if stream.isatty() and not console.is_dumb_terminal else Lines(stream)


class Lines:
    """One plain line for each piece of news."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        """Write the remark as it is."""
        print(text, file=self._stream, flush=True)

    def show(self, before: Job | None, after: Job) -> None:
        """Write a line for each piece of news."""
        for item in news(before, after):
            self.say(_line(item))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to tidy."""


class Bar:
    """A progress bar, and above it the headings with the first words of their sections as they arrive."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("connecting", total=1.0)

    def say(self, text: str) -> None:
        """Write the remark above the bar."""
        self._console.print(Text(text, style="dim"))

    def show(self, before: Job | None, after: Job) -> None:
        """Move the bar and write the news above it."""
        for item in news(before, after):
            self._console.print(_styled(item))
        self._progress.update(self._task, description=_stage(after), completed=after.progress)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away; the news stays."""
        self._progress.stop()


def _line(item: News) -> str:
    match item:
        case OutlineWritten(count):
            return f"outline: {_sections(count)}"
        case SectionWritten(at, count, heading, text):
            return f"section {at}/{count}: {one_line(heading)} ({_words(text)})"
        case AttemptFailed():
            return _failure(item)


def _styled(item: News) -> Text:
    match item:
        case SectionWritten(_, _, heading, text):
            excerpt = textwrap.shorten(one_line(text), _EXCERPT, placeholder=" …")
            return Text.assemble((one_line(heading), "bold"), f" ({_words(text)})\n", (f"  {excerpt}", "dim"))
        case AttemptFailed():
            return Text(_line(item), style="yellow")
        case OutlineWritten():
            return Text(_line(item))


def _failure(failed: AttemptFailed) -> str:
    then = "no further try" if failed.pause_s is None else f"next try in {failed.pause_s:.3g} s"
    why = one_line(failed.error).rstrip(".")
    return f"attempt failed: {one_line(failed.what)}, try {failed.attempt}: {why}; {then}"


def _stage(job: Job) -> str:
    if job.status == "pending":
        return "waiting for a worker"
    if not job.written.outline:
        return "writing the outline"
    return f"{len(job.written.sections)} of {_sections(len(job.written.outline))}"


def _sections(count: int) -> str:
    return f"{count} section{'s' * (count != 1)}"


def _words(text: str) -> str:
    count = len(text.split())
    return f"{count} word{'s' * (count != 1)}"
