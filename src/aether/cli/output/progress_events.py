"""Progress events: what can happen to a job between two of its versions, whatever its kind."""

from datetime import datetime
from typing import TypeAlias

import msgspec


class StepFinished(msgspec.Struct, frozen=True):
    """A step finished: its name and how much it made; for a text, also the text and its title if it has one."""

    label: str
    amount: str
    title: str = ""
    text: str = ""


class AttemptFailure(msgspec.Struct, frozen=True):
    """An attempt of a step failed; `retry_in_s` is None if there is no other attempt."""

    label: str
    attempt: int
    error: str
    retry_in_s: float | None


ProgressEvent: TypeAlias = StepFinished | AttemptFailure


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of the text at a position of the result, as one attempt writes it."""

    position: int
    attempt: int
    text: str


def retry_delay(at: datetime, next_retry_at: datetime | None) -> float | None:
    """Return the seconds from a failure to the next attempt; both are times of the server, whose clock may be off."""
    return (next_retry_at - at).total_seconds() if next_retry_at else None


def counted(count: int, noun: str) -> str:
    """Return the number with its noun, in the plural unless the number is 1."""
    return f"{count} {noun}{'s' * (count != 1)}"


def word_count(text: str) -> str:
    """Return how many words the text has, as in "3 words"."""
    return counted(len(text.split()), "word")
