"""Retry schedule of deliveries: when a failed attempt is retried, and when the delivery is given up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_JITTER = 0.2
_MAX_RETRY_AFTER_S = 86_400.0


class RetrySchedule:
    """The waits between attempts in seconds, each with 20 % jitter, so that simultaneous failures spread out."""

    def __init__(self, waits: Sequence[float]) -> None:
        self._waits = tuple(waits)

    def wait(self, failures: int, retry_after: float | None, jitter: float) -> float | None:
        """Return the seconds until the next attempt, or None to give up.

        Args:
            failures: the number of failed attempts, the latest included.
            retry_after: the shortest wait that the receiver asked for; capped at one day.
            jitter: a random number from 0 to 1.
        """
        if failures > len(self._waits):
            return None
        wait = self._waits[failures - 1] * (1 + _JITTER * (2 * jitter - 1))
        return max(wait, min(retry_after or 0.0, _MAX_RETRY_AFTER_S))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Parse `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None if it is absent or invalid."""
    value = (header or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
