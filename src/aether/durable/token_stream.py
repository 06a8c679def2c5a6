"""Token stream: publishes text while a model writes it; the final text is the result of the step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aether.durable.change_hub import Delta, TokenChannel


class NullTokenChannel:
    """A `TokenChannel` without listeners."""

    def publish(self, job_id: str, delta: Delta) -> None:
        """Drop the delta."""

    async def flush(self, job_id: str, step: str) -> None:
        """Do nothing."""


class TokenStream:
    """Publishes the text of one attempt of a step, piece by piece."""

    def __init__(
        self,
        channel: TokenChannel,
        job_id: str,
        step: str,
        attempt: int,
        has_listeners: Callable[[], bool] = lambda: True,
    ) -> None:
        self._channel = channel
        self._job_id = job_id
        self._step = step
        self._attempt = attempt
        self._has_listeners = has_listeners
        self._length = 0
        self._has_published = False

    def publisher(self) -> Callable[[str], None] | None:
        """Return a function that publishes the next piece of text; None if nobody listens."""
        return self._publish if self._has_listeners() else None

    def skip(self, text: str) -> None:
        """Count a piece of text that was not published."""
        self._length += len(text)

    async def flush(self) -> None:
        """Return when all published pieces have been sent or dropped."""
        if self._has_published:
            await self._channel.flush(self._job_id, self._step)

    def _publish(self, text: str) -> None:
        self._channel.publish(self._job_id, Delta(self._step, self._attempt, self._length, text))
        self._length += len(text)
        self._has_published = True


_NULL_STREAM = TokenStream(NullTokenChannel(), "", "", 0, lambda: False)
_current: ContextVar[TokenStream] = ContextVar("token_stream", default=_NULL_STREAM)


@contextmanager
def use_token_stream(stream: TokenStream) -> Iterator[None]:
    """Publish to this stream what models write inside the block, in this task."""
    token = _current.set(stream)
    try:
        yield
    finally:
        _current.reset(token)


def current_token_stream() -> TokenStream:
    """Return the stream of the current step; outside of a step, one without listeners."""
    return _current.get()
