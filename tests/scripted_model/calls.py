"""Calls: the record of the requests to the model, and of how each one ended."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tests.scripted_model.classifier import Kind, Step

PENDING = "pending"
ANSWERED = "answered"
DISCONNECTED = "disconnected"


class Call(msgspec.Struct, kw_only=True, gc=False):
    """One chat completion request. Times are `time.monotonic()` seconds, which on Linux all processes share.

    Attributes:
        nth: The number of this call among those of its (topic, kind, index), from 1; 0 if the server rejected it (key,
            unsupported parameter), so that a rule for the first call means the first one that could be answered.
        in_flight: Calls being served when this one came in, itself included.
        outcome: "pending"; "answered"; "fault:NAME" for a fault that was executed; "rejected:STATUS" for a request
            that this server does not support; "disconnected" if the client closed before the answer was complete;
            "stopped" if the server was stopped first.
        fault: The fault of this call, whatever the outcome.
        status: The status that was sent; 0 if none was.
        disconnected_at: When the server noticed that the client had closed, if that was before the end of the answer.
        raw: The request's body as JSON; `null` if it was not JSON.
    """

    seq: int
    step: Step
    nth: int = 0
    model: str = ""
    stream: bool = False
    in_flight: int = 1
    started: float = 0.0
    finished: float | None = None
    outcome: str = PENDING
    fault: str = ""
    status: int = 0
    disconnected_at: float | None = None
    headers: dict[str, str] = {}
    raw: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def kind(self) -> Kind:
        return self.step.kind

    @property
    def index(self) -> int:
        return self.step.index

    @property
    def topic(self) -> str:
        return self.step.topic

    @property
    def title(self) -> str:
        return self.step.title

    @property
    def done(self) -> bool:
        return self.outcome != PENDING

    @property
    def seconds(self) -> float:
        """How long it took, or infinity while it is pending."""
        return float("inf") if self.finished is None else self.finished - self.started

    @property
    def body(self) -> dict[str, Any]:  # any JSON a client may send
        return msgspec.json.decode(self.raw, type=dict[str, Any])


class Record:
    """The calls of one server in the order in which they came in; any thread may read it."""

    def __init__(self, calls: Sequence[Call] = ()) -> None:
        self._calls = list(calls)
        self._attempts: Counter[Step] = Counter()
        self._next = len(self._calls) + 1
        self._in_flight = sum(not call.done for call in self._calls)
        self._listeners: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def max_in_flight(self) -> int:
        """The most calls that were being served at one moment."""
        return max((call.in_flight for call in self.calls()), default=0)

    def calls(
        self,
        *,
        kind: Kind | None = None,
        topic: str | None = None,
        index: int | None = None,
        outcome: str | None = None,
    ) -> list[Call]:
        """Return the calls that match all arguments; an outcome matches by its beginning ("fault" is every fault)."""
        with self._lock:
            calls = list(self._calls)
        return [
            call
            for call in calls
            if (kind is None or call.step.kind == kind)
            and (topic is None or call.step.topic == topic)
            and (index is None or call.step.index == index)
            and (outcome is None or call.outcome.startswith(outcome))
        ]

    def outcomes(self) -> dict[str, int]:
        return dict(Counter(call.outcome for call in self.calls()))

    def begin(self, call: Call, *, counted: bool) -> None:
        """Number a call and record it."""
        with self._lock:
            call.seq = self._next
            self._next += 1
            self._in_flight += 1
            call.in_flight = self._in_flight
            if counted:
                step = _identity(call.step)
                self._attempts[step] += 1
                call.nth = self._attempts[step]
            self._calls.append(call)
        self._notify()

    def end(self, call: Call, outcome: str, at: float) -> None:
        """Close a call; the outcome is set last, because readers rely on the other fields once it is set."""
        with self._lock:
            self._in_flight -= 1
            if outcome == DISCONNECTED:
                call.disconnected_at = at
            call.finished = at
            call.outcome = outcome
        self._notify()

    def clear(self) -> None:
        """Forget the calls and the counts of attempts; pending calls still count as in flight."""
        with self._lock:
            self._calls.clear()
            self._attempts.clear()
        self._notify()

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each change, in the server's thread, until the returned function is called."""
        self._listeners = [*self._listeners, listener]

        def stop() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return stop

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def _identity(step: Step) -> Step:
    """Reduce a step to what two attempts of it have in common; titles may change in between."""
    return Step(kind=step.kind, of=step.of, index=step.index, topic=step.topic)
