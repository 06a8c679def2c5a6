"""What the calls of a step cost, counted where they are made and committed with the step."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aether.domain.job import Usage


class Meter:
    """Adds up the usage of one attempt, so that the record shows what failed ones cost too."""

    def __init__(self) -> None:
        self.usage = Usage()


_current: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Count on this meter what is spent inside, in this task."""
    token = _current.set(meter)
    try:
        yield
    finally:
        _current.reset(token)


def spend(usage: Usage) -> None:
    """Count a model call on the meter of the step that makes it; outside of a step nothing is counted."""
    if meter := _current.get():
        meter.usage += usage
