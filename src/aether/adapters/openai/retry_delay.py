"""Retry delay: how long a model server asks to wait, by the headers of its answer and by its body."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aether.adapters.openai.error_body import RESET_KEYS, ErrorBody, parse_duration
from aether.adapters.openai.limit_words import LIMIT_STATUSES

_REMAINING_KEYS = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_EPOCH_S, _EPOCH_MS = 1e9, 1e11
"""The least numbers that are read as a time: in seconds, or milliseconds, since 1970. Smaller ones are a delay."""

_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[smhd]))+")
_SHORT_S = 60.0
_UNITS = ((72 * 3_600.0, 86_400.0, "days"), (90 * 60.0, 3_600.0, "h"), (90.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From which number of seconds a pause is told in which unit."""


def delay_of(status: int, headers: Mapping[str, str], body: ErrorBody) -> float | None:
    """Return the seconds to wait before the next attempt, if an answer says so.

    `Retry-After` comes first, then what the body says, then when the limit is reset.
    """
    delay = parse_retry_after(headers)
    if delay is None:
        delay = body.delay
    # With other statuses, these headers only describe the limits; the answer is not about them.
    if delay is not None or status not in LIMIT_STATUSES:
        return delay
    return _until_reset(headers, body)


def describe_pause(delay: float | None) -> str:
    """Return a sentence about a pause, if it is so long that people want to know it."""
    if delay is None or delay < _SHORT_S:
        return ""
    size, unit = next((size, unit) for least, size, unit in _UNITS if delay >= least)
    return f" It asks for a pause of {round(delay / size)} {unit}."


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or a date."""
    if milliseconds := _parse_number(headers.get("retry-after-ms")):
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _parse_number(value)) is not None:
        return seconds
    at = _parse_date(value)
    return None if at is None else max(0.0, (at - _now(headers)).total_seconds())


def _until_reset(headers: Mapping[str, str], body: ErrorBody) -> float | None:
    """Return the seconds until the limit is reset; None if nobody says it, or if it was another limit."""
    if any(_parse_number(headers.get(key)) for key in _REMAINING_KEYS):
        return None
    values = [*filter(None, (headers.get(key) for key in RESET_KEYS)), body.reset]
    delays = (_until(value, _now(headers)) for value in values)
    # A time in the past tells nothing about the next attempt.
    return next((delay for delay in delays if delay is not None and delay > 0), None)


def _until(value: str, now: datetime) -> float | None:
    if (number := _parse_number(value)) is not None:
        if number < _EPOCH_S:
            return number
        return (number / 1000 if number >= _EPOCH_MS else number) - now.timestamp()
    if _DURATION.fullmatch(value.strip()):
        return parse_duration(value)
    at = _parse_date(value)
    return None if at is None else (at - now).total_seconds()


def _now(headers: Mapping[str, str]) -> datetime:
    """Return the time by the server's clock, to which the times in its answer belong; by default, by this one's."""
    return _parse_date(headers.get("date", "")) or datetime.now(UTC)


def _parse_date(value: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = parse(value)
        except (ValueError, OverflowError):
            continue
        return date.replace(tzinfo=date.tzinfo or UTC)
    return None


def _parse_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
