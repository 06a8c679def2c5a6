"""When a delivery that failed is tried again, and when it is given up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_JITTER = 0.2
_LONGEST_PAUSE_S = 86_400.0


class RetrySchedule:
    """The waits between tries, in seconds; each is random by a fifth, so that what failed together is spread out."""

    def __init__(self, waits: Sequence[float]) -> None:
        self._waits = tuple(waits)

    def wait(self, failures: int, retry_after: float | None, draw: float) -> float | None:
        """Return the seconds until the next try, or None to give up.

        Args:
            failures: how many tries have failed, the latest included.
            retry_after: the least wait that the receiver asked for; of more than a day, only a day is granted.
            draw: a random number from 0 to 1, for the jitter.
        """
        if failures > len(self._waits):
            return None
        wait = self._waits[failures - 1] * (1 + _JITTER * (2 * draw - 1))
        return max(wait, min(retry_after or 0.0, _LONGEST_PAUSE_S))


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None if it is absent or says nothing sensible."""
    value = (header or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
