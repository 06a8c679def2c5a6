"""How the making of something is shown: lines for files and pipes, a moving bar for people."""

import textwrap
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text
from typing_extensions import override

from aether.cli.client.schemas import TextDelta
from aether.cli.output.markdown import one_line
from aether.cli.output.progress_events import AttemptFailure, Finished, ProgressEvent

_EXCERPT = 100
_LONGEST_DRAFT = 300


class Presentation(Protocol):
    """Shows what it is told, to the end of its context."""

    def say(self, text: str) -> None:
        """Show a remark."""
        ...

    def show(self, news: Iterable[ProgressEvent], stage: str, progress: float | None) -> None:
        """Show what happened, and where the job stands now: in words, and how much of it is done if that is known."""
        ...

    def preview(self, delta: TextDelta) -> None:
        """Show text that is just being written, and may yet change or come to nothing."""
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

    def show(self, news: Iterable[ProgressEvent], stage: str, progress: float | None) -> None:  # noqa: ARG002 - the bar's
        """Write a line for each piece of news."""
        for item in news:
            self.say(_line(item))

    def preview(self, delta: TextDelta) -> None:
        """Nothing to keep."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to tidy."""


class Draft(NamedTuple):
    """The last words of a try to write a section."""

    position: int
    attempt: int
    text: str = ""

    def followed_by(self, delta: TextDelta) -> Self:
        """Add what was written next; other sections do not count, another try begins anew."""
        if delta.position != self.position:
            return self
        before = self.text if delta.attempt == self.attempt else ""
        return self._replace(attempt=delta.attempt, text=(before + delta.text)[-_LONGEST_DRAFT:])

    def line(self, width: int) -> Text:
        """Return as much of the end as fits into a line."""
        end = one_line(self.text)[-width:]
        while cell_len(end) > width:
            end = end[1:]
        return Text(end.lstrip(), style="dim", no_wrap=True)


class _Progress(Progress):
    draft: Draft | None = None

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.draft is not None:
            yield self.draft.line(self.console.width - 1)


class Bar:
    """A progress bar, above it what is finished, texts with their first words, and below it what is being written.

    Of the sections that are being written at once one is shown, until something happens to the job.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = _Progress(
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
        self._task = self._progress.add_task("connecting", total=None)

    def say(self, text: str) -> None:
        """Write the remark above the bar."""
        self._console.print(Text(text, style="dim"))

    def show(self, news: Iterable[ProgressEvent], stage: str, progress: float | None) -> None:
        """Move the bar and write the news above it."""
        self._progress.draft = None
        for item in news:
            self._console.print(_styled(item))
        if progress is None:
            self._progress.update(self._task, description=stage)
        else:
            self._progress.update(self._task, description=stage, total=1.0, completed=progress)

    def preview(self, delta: TextDelta) -> None:
        """Show the last words below the bar."""
        draft = self._progress.draft or Draft(delta.position, delta.attempt)
        self._progress.draft = draft.followed_by(delta)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away; the news stays."""
        self._progress.stop()


def _line(item: ProgressEvent) -> str:
    match item:
        case Finished(what, amount, title) if title:
            return f"{what}: {one_line(title)} ({amount})"
        case Finished(what, amount):
            return f"{what}: {amount}"
        case AttemptFailure():
            return _failure(item)


def _styled(item: ProgressEvent) -> Text:
    match item:
        case Finished(what, amount, title, text) if text:
            excerpt = textwrap.shorten(one_line(text), _EXCERPT, placeholder=" …")
            return Text.assemble((one_line(title or what), "bold"), f" ({amount})\n", (f"  {excerpt}", "dim"))
        case Finished():
            return Text(_line(item))
        case AttemptFailure():
            return Text(_line(item), style="yellow")


def _failure(failed: AttemptFailure) -> str:
    then = "no further try" if failed.pause_s is None else f"next try in {failed.pause_s:.3g} s"
    why = one_line(failed.error).rstrip(".")
    return f"attempt failed: {one_line(failed.what)}, try {failed.attempt}: {why}; {then}"
