"""What can happen to a job between two looks at it, whatever it makes."""

from datetime import datetime
from typing import TypeAlias

import msgspec


class Finished(msgspec.Struct, frozen=True):
    """A piece of the work is done: what it is and how much of it there is; a text has words to show, maybe a title."""

    what: str
    amount: str
    title: str = ""
    text: str = ""


class AttemptFailure(msgspec.Struct, frozen=True):
    """A try failed; `pause_s` is the wait for the next one, None if there is none."""

    what: str
    attempt: int
    error: str
    pause_s: float | None


ProgressEvent: TypeAlias = Finished | AttemptFailure


def pause_between(at: datetime, next_retry_at: datetime | None) -> float | None:
    """Return the wait in seconds, from two of the server's times: its clock need not agree with ours."""
    return (next_retry_at - at).total_seconds() if next_retry_at else None


def counted(count: int, noun: str) -> str:
    """Return the number with its noun, in the plural where it needs it."""
    return f"{count} {noun}{'s' * (count != 1)}"


def words_of(text: str) -> str:
    """Return how many words the text has."""
    return counted(len(text.split()), "word")
