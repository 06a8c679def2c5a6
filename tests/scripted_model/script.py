"""Script: decides what happens to a call: rules first, then the random mix, then the default answer."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from tests.scripted_model.actions import NAMED, ONLY_FOR_OUTLINES, Action, Answer
from tests.scripted_model.calls import Call
from tests.scripted_model.classifier import Kind

Predicate = Callable[[Call], bool]
_SCALE = float(1 << 32)


class Mix(msgspec.Struct, frozen=True):
    """Random faults that are the same in each run with the same calls, in whatever order these arrive.

    Attributes:
        rate: The share of calls that get a fault, 0 to 1.
        faults: Names from `actions.NAMED`, all equally likely.
        seed: Each seed gives different faults.
        steps: Only calls of these kinds get faults; if empty, all do.
        at_most: A step that has been called more often than this gets no fault; 0 means no limit.
    """

    rate: float = 0.0
    faults: tuple[str, ...] = ("429", "429-after-ms", "500", "503", "reset", "reset-body", "truncate", "empty")
    seed: int = 0
    steps: tuple[Kind, ...] = ()
    at_most: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.faults) - NAMED.keys():
            raise ValueError(f"No such faults: {', '.join(sorted(unknown))}. There are: {', '.join(NAMED)}.")

    def draw(self, call: Call) -> Action | None:
        """Return the fault for this call, if any."""
        if not self.rate or (self.steps and call.kind not in self.steps) or 0 < self.at_most < call.nth:
            return None
        chance, choice = chances(self.seed, call)
        if chance >= self.rate:
            return None
        faults = [name for name in self.faults if _may_get(call.step.of, name)]
        return NAMED[faults[int(choice * len(faults))]] if faults else None


def _may_get(of: Kind, fault: str) -> bool:
    if of in ("image", "file"):
        return not isinstance(NAMED[fault], Answer)
    return of == "outline" or fault not in ONLY_FOR_OUTLINES


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to the calls that match all fields that are set.

    Attributes:
        do: The action; None means the default answer, for a rule that only sets the latency or exempts a step from
            the mix.
        kind: The step's kind. A continuation or repair has a kind of its own, and the index of its section.
        of: The kind of the answer that is to be continued or repaired.
        nth: Only the nth call of the step, from 1.
        times: How many calls the rule applies to; None means all.
        contains: Only requests whose raw JSON body contains this text.
        latency_ms: Replaces the latency of the kind.
    """

    do: Action | None = None
    kind: Kind | None = None
    of: Kind | None = None
    index: int | None = None
    topic: str | None = None
    nth: int | None = None
    times: int | None = None
    contains: str | None = None
    latency_ms: float | None = None

    def matches(self, call: Call) -> bool:
        step = call.step
        return (
            self.kind in (None, step.kind)
            and self.of in (None, step.of)
            and self.index in (None, step.index)
            and self.topic in (None, step.topic)
            and self.nth in (None, call.nth)
            and (self.contains is None or self.contains.encode() in bytes(call.raw))
        )


class Script:
    """The rules of one server in their order, and how often each has been used."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._lines: tuple[_Line, ...] = ()
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule, when: Predicate | None = None) -> None:
        """Append a rule; with `when` it applies only to calls of which that is true."""
        self._lines = (*self._lines, _Line(rule, when))

    def rule_for(self, call: Call) -> Rule | None:
        """Return the first rule that matches and has uses left, and count the use."""
        for line in self._lines:
            if line.applies_to(call):
                line.used += 1
                return line.rule
        return None


class _Line:
    def __init__(self, rule: Rule, when: Predicate | None) -> None:
        self.rule = rule
        self.when = when
        self.used = 0

    def applies_to(self, call: Call) -> bool:
        left = self.rule.times is None or self.used < self.rule.times
        return left and self.rule.matches(call) and (self.when is None or self.when(call))


def chances(seed: int, call: Call) -> tuple[float, float]:
    """Return two numbers in [0, 1) that depend on the seed and on the call, but not on its time."""
    name = f"{seed}|{call.kind}|{call.step.of}|{call.index}|{call.nth}|{call.topic}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big") / _SCALE, int.from_bytes(digest[4:], "big") / _SCALE
