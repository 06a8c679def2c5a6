"""Progress display: plain lines for files and pipes, a progress bar for terminals."""

import textwrap
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text
from typing_extensions import override

from aether.cli.output.markdown import one_line
from aether.cli.output.progress_events import AttemptFailure, ProgressEvent, StepFinished, TextDelta

_EXCERPT_LENGTH = 100
_MAX_EXCERPT_SOURCE = 1_000  # characters; `textwrap` would take apart the whole text
_MAX_PREVIEW_LENGTH = 300


class ProgressDisplay(Protocol):
    """Shows the progress of a job; a context manager."""

    def message(self, text: str) -> None:
        """Show a message."""
        ...

    def update(self, events: Iterable[ProgressEvent], activity: str, progress: float | None) -> None:
        """Show what happened, and then what the job is doing and which part of it is done, if that is known."""
        ...

    def preview(self, delta: TextDelta) -> None:
        """Show text that is being written; it may still change or be thrown away."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def progress_display(stream: TextIO) -> ProgressDisplay:
    """Return the display for the stream: a bar if it is a terminal, else lines."""
    console = Console(file=stream, highlight=False)
    return BarDisplay(console) if stream.isatty() and not console.is_dumb_terminal else LineDisplay(stream)


class LineDisplay:
    """One plain line for each event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def message(self, text: str) -> None:
        """Write the message as it is."""
        print(text, file=self._stream, flush=True)

    def update(self, events: Iterable[ProgressEvent], activity: str, progress: float | None) -> None:  # noqa: ARG002 - for the bar
        """Write a line for each event."""
        for event in events:
            self.message(_line(event))

    def preview(self, delta: TextDelta) -> None:
        """Do nothing: lines cannot be taken back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Do nothing: there is nothing to clean up."""


class TextPreview(NamedTuple):
    """The last words that an attempt has written of the text at `position`."""

    position: int
    attempt: int
    text: str = ""

    def followed_by(self, delta: TextDelta) -> Self:
        """Append the delta; ignore it at another position, begin anew with another attempt."""
        if delta.position != self.position:
            return self
        before = self.text if delta.attempt == self.attempt else ""
        return self._replace(attempt=delta.attempt, text=(before + delta.text)[-_MAX_PREVIEW_LENGTH:])

    def line(self, width: int) -> Text:
        """Return as much of the end as fits into a line."""
        end = one_line(self.text)[-width:]
        while cell_len(end) > width:
            end = end[1:]
        return Text(end.lstrip(), style="dim", no_wrap=True)


class _Progress(Progress):
    text_preview: TextPreview | None = None

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.text_preview is not None:
            yield self.text_preview.line(self.console.width - 1)


class BarDisplay:
    """A progress bar; above it a line for each event, with an excerpt of a text; below it a preview.

    Of several texts that are written at the same time, one is previewed until the next update.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = _Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),  # it may be a word of the server's
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("connecting", total=None)

    def message(self, text: str) -> None:
        """Write the message above the bar."""
        self._console.print(Text(text, style="dim"))

    def update(self, events: Iterable[ProgressEvent], activity: str, progress: float | None) -> None:
        """Move the bar and write the events above it."""
        self._progress.text_preview = None
        for event in events:
            self._console.print(_styled(event))
        if progress is None:
            self._progress.update(self._task, description=activity)
        else:
            self._progress.update(self._task, description=activity, total=1.0, completed=progress)

    def preview(self, delta: TextDelta) -> None:
        """Show the last words below the bar."""
        preview = self._progress.text_preview or TextPreview(delta.position, delta.attempt)
        self._progress.text_preview = preview.followed_by(delta)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove the bar; the lines above it stay."""
        self._progress.stop()


def _line(event: ProgressEvent) -> str:
    match event:
        case StepFinished(label, amount, title) if title:
            return f"{one_line(label)}: {one_line(title)} ({amount})"
        case StepFinished(label, amount):
            return f"{one_line(label)}: {amount}"
        case AttemptFailure():
            return _failure_line(event)


def _styled(event: ProgressEvent) -> Text:
    match event:
        case StepFinished(label, amount, title, text) if text:
            excerpt = textwrap.shorten(one_line(text[:_MAX_EXCERPT_SOURCE]), _EXCERPT_LENGTH, placeholder=" …")
            return Text.assemble((one_line(title or label), "bold"), f" ({amount})\n", (f"  {excerpt}", "dim"))
        case StepFinished():
            return Text(_line(event))
        case AttemptFailure():
            return Text(_line(event), style="yellow")


def _failure_line(failure: AttemptFailure) -> str:
    retry = "no further try" if failure.retry_in_s is None else f"next try in {failure.retry_in_s:.3g} s"
    error = one_line(failure.error).rstrip(".")
    return f"attempt failed: {one_line(failure.label)}, try {failure.attempt}: {error}; {retry}"
