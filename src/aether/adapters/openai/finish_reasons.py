"""Finish reasons: where servers say why an answer ended, and what their words mean."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Ending = Literal["complete", "cut off", "filtered", "failed"]

_ENDINGS: tuple[tuple[re.Pattern[str], Ending], ...] = (
    (re.compile(r"length|max|limit|token|trunc|incomplete|budget|context|pause", re.IGNORECASE), "cut off"),
    (
        re.compile(
            r"filter|safe|block|prohibit|moderat|refus|recitation|sensitive|spii|guardrail|polic|violat", re.IGNORECASE
        ),
        "filtered",
    ),
    (
        re.compile(
            r"err|fail|abort|cancel|time.?out|interrupt|overload|resource|network|unavailable|shut.?down|evict|preempt"
            r"|disconnect|malformed|crash|unknown|\Aother\Z",
            re.IGNORECASE,
        ),
        "failed",
    ),
)
"""What the finish reasons of servers mean; the first entry that fits counts, and any other reason is a good one."""
_COMPLETE = re.compile(r"stop|eos|end.?turn|end.?of.?text|complete|tool_calls|function_call", re.IGNORECASE)
_NUMBERS = {1: "stop", 2: "max_tokens", 3: "safety", 4: "recitation", 5: "other"}
"""The finish reasons of Google's protocol buffers, which some gateways pass on as numbers."""
_NO_REASONS = frozenset({"", "null", "none", "finish_reason_unspecified"})
_STRONGER: frozenset[Ending] = frozenset({"cut off", "filtered"})


def ending_of(finish_reason: str | None) -> Ending:
    """Return what a finish reason means."""
    if not finish_reason or finish_reason == "stop":
        return "complete"
    found = next((ending for words, ending in _ENDINGS if words.search(finish_reason)), None)
    if found == "cut off" and "eos" in finish_reason.casefold():
        return "complete"
    if found is None or (found == "failed" and _COMPLETE.match(finish_reason)):
        return "complete"
    return found


def read_finish_reason(choice: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:  # Any: JSON of any shape
    """Read why an answer ended; None if it does not say.

    Gateways translate the reason of the provider behind them, and some translate every reason to "stop".
    """
    stated = next(_reasons(choice, body), None)
    for place in (choice, body):
        native = _word(place.get("native_finish_reason"))
        if native and ending_of(native) in _STRONGER and ending_of(stated) == "complete":
            return native
    return stated


def _reasons(choice: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:  # Any: as above
    values = [_NUMBERS.get(reason) if type(reason := choice.get("finish_reason")) is int else reason]
    values.append(choice.get("stop_reason"))
    values += [details.get("type") for details in (choice.get("finish_details"),) if isinstance(details, dict)]
    values += [body.get(name) for name in ("finish_reason", "stop_reason", "done_reason")]
    yield from filter(None, map(_word, values))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value.casefold() not in _NO_REASONS else None
