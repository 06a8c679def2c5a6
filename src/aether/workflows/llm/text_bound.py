"""Text bound: how much of a text the current call needs, so that a model that writes without end is not waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_bound: ContextVar[int | None] = ContextVar("text_bound", default=None)


@contextmanager
def bound_text(max_chars: int | None) -> Iterator[None]:
    """Make it known to the calls inside the block that nothing behind `max_chars` characters of a text is read."""
    token = _bound.set(max_chars)
    try:
        yield
    finally:
        _bound.reset(token)


def current_text_bound() -> int | None:
    """Return how many characters of a text are read; None if it is needed as a whole."""
    return _bound.get()
