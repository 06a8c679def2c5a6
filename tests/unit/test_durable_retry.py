import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.durable.retry import RetryPolicy
from aether.errors import ModelFailedError, ModelOverloadedError, ModelUnreachableError, TransientError

POLICY = RetryPolicy(attempts=6, base=0.5, cap=30.0, total=600.0)


@pytest.mark.parametrize(
    ("failures", "retry_after", "jitter", "expected"),
    [
        (1, None, 1.0, 0.5),
        (2, None, 1.0, 1.0),
        (3, None, 0.5, 1.0),
        (7, None, 1.0, 30.0),
        (10_000, None, 1.0, 30.0),
        (5, None, 0.0, 0.0),
        (1, 20.0, 0.0, 20.0),
        (1, 20.0, 1.0, 20.5),
        (9, 20.0, 1.0, 20.5),
        (1, 100.0, 0.0, 100.0),
    ],
)
def test_the_wait_doubles_up_to_the_cap_and_respects_retry_after(
    failures: int, retry_after: float | None, jitter: float, expected: float
) -> None:
    error = ModelFailedError(503, retry_after)

    assert expected == POLICY.wait(failures, error, 0.0, jitter)


@given(
    failures=st.integers(1, 10**6),
    jitter=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e6),
    elapsed=st.floats(0, 1e6),
)
def test_a_wait_stays_within_all_bounds(
    failures: int, jitter: float, retry_after: float | None, elapsed: float
) -> None:
    wait = POLICY.wait(failures, TransientError("", retry_after), elapsed, jitter)

    least = retry_after or 0.0
    if wait is None:
        assert elapsed + least + POLICY.cap > POLICY.total
    else:
        assert least <= wait <= least + POLICY.cap
        assert elapsed + wait <= POLICY.total


@pytest.mark.parametrize(
    ("error", "expected"),
    [(ModelOverloadedError(429), False), (ModelFailedError(500), True), (ModelUnreachableError("reset"), True)],
)
def test_an_overloaded_server_uses_no_attempt(error: TransientError, *, expected: bool) -> None:
    assert expected is POLICY.uses_attempt(error)
