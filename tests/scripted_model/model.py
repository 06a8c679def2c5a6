"""Model: what a test can do with a scripted model, in a thread or in another process."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from tests.scripted_model.calls import Call, Record
from tests.scripted_model.classifier import Kind
from tests.scripted_model.script import Rule
from tests.scripted_model.setup import Setup
from tests.waiting import PATIENCE_S

Condition = Callable[[Record], object]

_POLL_S = 0.02


class Model(ABC):
    """A scripted model seen from a test."""

    @property
    @abstractmethod
    def base_url(self) -> str:
        """The address for an OpenAI client, with `/v1`; it stays the same after a restart."""

    @property
    @abstractmethod
    def record(self) -> Record:
        """The calls so far."""

    @abstractmethod
    def use(self, rules: Sequence[Rule] | None = None, setup: Setup | None = None) -> None:
        """Replace all rules, the setup, or both; calls that have begun do not change."""

    @abstractmethod
    def reset(self) -> None:
        """Forget the recorded calls; rules keep their count of uses."""

    def calls(self, *, kind: Kind | None = None, topic: str | None = None, index: int | None = None) -> list[Call]:
        """Return the calls that match all arguments, in the order in which they came in."""
        return self.record.calls(kind=kind, topic=topic, index=index)

    def count(self, *, kind: Kind | None = None, topic: str | None = None, index: int | None = None) -> int:
        return len(self.calls(kind=kind, topic=topic, index=index))

    @property
    def in_flight(self) -> int:
        return self.record.in_flight

    @property
    def max_in_flight(self) -> int:
        return self.record.max_in_flight

    async def wait_for(self, condition: Condition, timeout_s: float = PATIENCE_S) -> None:
        """Return once `condition` is true of the record.

        Raises:
            TimeoutError: it is not within `timeout_s`; the message lists the last calls.
        """
        limit = time.monotonic() + timeout_s
        while not condition(record := self.record):
            if time.monotonic() > limit:
                raise timeout_error(record, timeout_s)
            await asyncio.sleep(_POLL_S)

    def wait_for_blocking(self, condition: Condition, timeout_s: float = PATIENCE_S) -> None:
        """Do the same for a test without an event loop."""
        limit = time.monotonic() + timeout_s
        while not condition(record := self.record):
            if time.monotonic() > limit:
                raise timeout_error(record, timeout_s)
            time.sleep(_POLL_S)


def timeout_error(record: Record, timeout_s: float) -> TimeoutError:
    """Return the error for a condition that did not come true."""
    lines = [f"{call.kind} {call.index or ''} try {call.nth}: {call.outcome}" for call in record.calls()[-20:]]
    return TimeoutError("\n".join([f"Not within {timeout_s} s. The last calls:", *lines]))
