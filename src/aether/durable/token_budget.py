"""Token budget of a job: tokens are reserved before each model call and counted after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aether.domain.job import Usage
from aether.errors import BudgetExceededError


class TokenBudget:
    """The tokens that a job may spend over all its runs; concurrent calls share it."""

    def __init__(self, limit: int | None, spent: int = 0) -> None:
        self._limit = limit
        self._spent = spent
        self._reserved = 0

    @property
    def left(self) -> int | None:
        """The tokens that are neither spent nor reserved; None if there is no limit."""
        return None if self._limit is None else max(0, self._limit - self._spent - self._reserved)

    @contextmanager
    def reserve(self, tokens: int) -> Iterator[None]:
        """Reserve tokens for the duration of a call.

        Raises:
            BudgetExceededError: the call might exceed the budget.
        """
        if self._limit is not None and self._spent + self._reserved + tokens > self._limit:
            raise BudgetExceededError(self._limit, self._spent, tokens)
        self._reserved += tokens
        try:
            yield
        finally:
            self._reserved -= tokens

    def spend(self, tokens: int) -> None:
        """Add the cost of a call."""
        self._spent += tokens


class TokenMeter:
    """Adds up the usage of one attempt, so that the record includes the cost of failed attempts.

    `warnings` are what the record should tell about an attempt that succeeds.
    """

    def __init__(self, budget: TokenBudget | None = None) -> None:
        self.usage = Usage()
        self.warnings: tuple[str, ...] = ()
        self.budget = budget or TokenBudget(None)

    def spend(self, usage: Usage, likely: int = 0) -> None:
        """Count a call; if its usage was not reported, the budget (not the record) counts the `likely` tokens."""
        self.usage += usage
        self.budget.spend(usage.tokens or likely)

    def warn(self, warning: str) -> None:
        """Add a warning, once."""
        if warning not in self.warnings:
            self.warnings += (warning,)


_current: ContextVar[TokenMeter] = ContextVar("meter")


@contextmanager
def use_meter(meter: TokenMeter) -> Iterator[None]:
    """Make this the meter of all model calls inside the block, in this task."""
    token = _current.set(meter)
    try:
        yield
    finally:
        _current.reset(token)


def warn(warning: str) -> None:
    """Make the record tell this about the current attempt, if it succeeds."""
    if (meter := _current.get(None)) is not None:
        meter.warn(warning)


@contextmanager
def reserve_tokens(tokens: int) -> Iterator[TokenMeter]:
    """Reserve tokens for a model call inside the block; the caller reports the actual usage to the meter.

    Outside of a step there is no budget, and the meter is not read.

    Raises:
        BudgetExceededError: the call might exceed the job's budget; do not make it.
    """
    meter = _current.get(None) or TokenMeter()
    with meter.budget.reserve(tokens):
        yield meter
