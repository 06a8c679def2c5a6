"""What the calls of a job cost: kept within its budget, counted where they are made, committed with the step."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from aether.domain.job import Usage
from aether.errors import BudgetExceededError


class TokenBudget:
    """The tokens that a job may spend in all its runs, shared by calls that are made at the same time."""

    def __init__(self, limit: int | None, spent: int = 0) -> None:
        self._limit = limit
        self._spent = spent
        self._reserved = 0

    @contextmanager
    def reserved(self, tokens: int) -> Iterator[None]:
        """Set tokens aside for a call while it is made.

        Raises:
            BudgetExceededError: the call might take the job beyond its budget.
        """
        if self._limit is not None and self._spent + self._reserved + tokens > self._limit:
            raise BudgetExceededError(self._limit, self._spent, tokens)
        self._reserved += tokens
        try:
            yield
        finally:
            self._reserved -= tokens

    def spend(self, tokens: int) -> None:
        """Count what a call has cost."""
        self._spent += tokens


class TokenMeter:
    """Adds up the usage of one attempt, so that the record shows what failed ones cost too."""

    def __init__(self, budget: TokenBudget | None = None) -> None:
        self.usage = Usage()
        self.budget = budget or TokenBudget(None)

    def spend(self, usage: Usage, likely: int = 0) -> None:
        """Count a call; of one whose cost was not told the budget, though not the record, takes the `likely` one."""
        self.usage += usage
        self.budget.spend(usage.tokens or likely)


_current: ContextVar[TokenMeter] = ContextVar("meter")


@contextmanager
def metered(meter: TokenMeter) -> Iterator[None]:
    """Count on this meter what is spent inside, in this task."""
    token = _current.set(meter)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def spending(tokens: int) -> Iterator[TokenMeter]:
    """Make a model call that will cost about so many tokens, and tell the meter what it did cost.

    Outside of a step nothing is limited, and nobody reads the meter.

    Raises:
        BudgetExceededError: the call might take the job beyond its budget; do not make it.
    """
    meter = _current.get(None) or TokenMeter()
    with meter.budget.reserved(tokens):
        yield meter
