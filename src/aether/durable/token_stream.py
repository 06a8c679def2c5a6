"""Texts as models write them, told to whoever watches; what counts is the result of the step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aether.durable.change_hub import Delta, TokenChannel


class NullTokenChannel:
    """The `TokenChannel` to nobody."""

    def publish(self, job_id: str, delta: Delta) -> None:
        """Drop it."""

    async def flush(self, job_id: str, step: str) -> None:
        """Return."""


class TokenStream:
    """The text of one attempt of a step; each further piece follows the ones before.

    `watched` says whether telling it is worth the trouble.
    """

    def __init__(
        self, texts: TokenChannel, job_id: str, step: str, attempt: int, watched: Callable[[], bool] = lambda: True
    ) -> None:
        self._texts = texts
        self._job_id = job_id
        self._step = step
        self._attempt = attempt
        self._watched = watched
        self._length = 0
        self._told = False

    def listener(self) -> Callable[[str], None] | None:
        """Return what to call with each piece of the text that is about to come; None if nobody watches."""
        return self._tell if self._watched() else None

    def pass_over(self, text: str) -> None:
        """Count a piece that was not told."""
        self._length += len(text)

    async def flush(self) -> None:
        """Return when nothing of it is on its way any more."""
        if self._told:
            await self._texts.flush(self._job_id, self._step)

    def _tell(self, text: str) -> None:
        self._texts.publish(self._job_id, Delta(self._step, self._attempt, self._length, text))
        self._length += len(text)
        self._told = True


_UNHEARD = TokenStream(NullTokenChannel(), "", "", 0, lambda: False)
_current: ContextVar[TokenStream] = ContextVar("preview", default=_UNHEARD)


@contextmanager
def streaming_to(preview: TokenStream) -> Iterator[None]:
    """Tell there what is written inside, in this task."""
    token = _current.set(preview)
    try:
        yield
    finally:
        _current.reset(token)


def current_token_stream() -> TokenStream:
    """Return where to tell what is written now; outside of a step nobody watches."""
    return _current.get()
