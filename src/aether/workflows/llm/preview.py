"""Preview of a text while a model writes it: what readers see of the pieces, before the text is finished."""

from collections.abc import Iterable

from aether.domain.plain_text import clean
from aether.workflows.llm.ports import OnText
from aether.workflows.llm.prompt_fence import Unescaper


class Preview:
    """Publishes the pieces of a text as they come, without control characters and without the prompt's escapes.

    An escape or a line break that may continue in the next piece is held back. Of a text that is longer than
    `max_length`, the rest is not shown.
    """

    def __init__(self, prompts: Iterable[str], max_length: int, publish: OnText) -> None:
        self._unescaper = Unescaper(prompts)
        self._publish = publish
        self._room = max_length
        self._held = ""

    def feed(self, piece: str) -> None:
        """Publish what can be shown now that this piece has come."""
        piece = piece[: self._room]
        self._room -= len(piece)
        self._show(self._held + self._unescaper.feed(piece))

    def end(self) -> None:
        """Publish what was held back, because no piece follows."""
        self._show(f"{self._held}{self._unescaper.end()}", last=True)

    def _show(self, text: str, *, last: bool = False) -> None:
        # "\r" alone is a line break too.
        self._held = "\r" if text.endswith("\r") and not last else ""
        if shown := clean(text.removesuffix(self._held)):
            self._publish(shown)
