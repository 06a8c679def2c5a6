from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.settings import Settings
from aether.webhooks.retry_schedule import RetrySchedule, retry_after

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("failures", "requested", "jitter", "expected"),
    [
        (1, None, 0.5, 10.0),
        (1, None, 0.0, 8.0),
        (1, None, 1.0, 12.0),
        (2, None, 0.5, 100.0),
        (3, None, 0.5, None),
        (9, None, 0.5, None),
        (1, 60.0, 0.5, 60.0),
        (2, 60.0, 0.5, 100.0),
        (1, 1e9, 0.5, DAY_S),
        (3, 60.0, 0.5, None),
    ],
)
def test_the_wait_has_20_percent_jitter_and_is_at_least_the_requested_one(
    failures: int, requested: float | None, jitter: float, expected: float | None
) -> None:
    assert expected == RetrySchedule((10.0, 100.0)).wait(failures, requested, jitter)


@given(failures=st.integers(1, 20), requested=st.none() | st.floats(0, 1e12), jitter=st.floats(0, 1))
def test_no_wait_is_longer_than_1_2_days(failures: int, requested: float | None, jitter: float) -> None:
    wait = RetrySchedule(Settings().webhook_waits).wait(failures, requested, jitter)

    assert wait is None or min(requested or 0.0, DAY_S) <= wait <= 1.2 * DAY_S


def test_the_default_schedule_lasts_three_days() -> None:
    waits = Settings().webhook_waits

    assert sum(waits) >= 72 * 3600
    assert list(waits) == sorted(waits)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("99999999999999999999", 999_999_999.0),
        ("Sat, 21 Nov 2026 08:02:00 GMT", 120.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 08:02:00", 120.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0665", None),
        ("Sat, 99 Nov 2026 08:02:00 GMT", None),
        ("Sat, 21 Nov 99999999999999999999 08:02:00 GMT", None),
        ("Sat, 21 Nov 2026 08:02:00 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_ignored_if_invalid(header: str | None, expected: float | None) -> None:
    assert expected == retry_after(header, NOW)
