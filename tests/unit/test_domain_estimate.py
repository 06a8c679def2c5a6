from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from aether.domain.estimate import Estimate, Pace, estimate
from aether.domain.job import Job, Kind, Limits, Status, Step, StepStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WAITING = Job("4f9c", Kind.REPORT, "ada", msgspec.Raw(b"{}"), Status.PENDING, 1, 1, NOW, NOW, NOW, NOW)


def running(seconds: float, done: int = 0) -> Job:
    steps = tuple(Step(str(at), at, StepStatus.DONE if at < done else StepStatus.RUNNING) for at in range(4))
    started = NOW - timedelta(seconds=seconds)
    return replace(WAITING, status=Status.PROCESSING, started_at=started, total=4, steps=steps)


@pytest.mark.parametrize(
    ("job", "position", "pace", "expected"),
    [
        (WAITING, 1, Pace(), Estimate(1, None)),
        (WAITING, 1, Pace(run=8.0), Estimate(1, 8.0)),
        (WAITING, 5, Pace(run=8.0), Estimate(5, 8.0)),
        (WAITING, 5, Pace(run=8.0, gap=0.5), Estimate(5, 10.0)),
        (WAITING, None, Pace(run=8.0, gap=0.5), Estimate(None, 8.0)),
        (running(3.0), None, Pace(run=8.0), Estimate(None, 5.0)),
        (running(3.0), None, Pace(), Estimate(None, None)),
        (running(12.0, done=3), None, Pace(run=8.0), Estimate(None, 4.0)),
        (running(12.0), None, Pace(run=8.0), Estimate(None, None)),
    ],
)
def test_an_estimate_uses_recent_jobs_and_then_the_jobs_own_progress(
    job: Job, position: int | None, pace: Pace, expected: Estimate
) -> None:
    assert estimate(job, position, pace, NOW) == expected


@pytest.mark.parametrize(
    ("job", "position"),
    [(WAITING, 3), (WAITING, None), (running(3.0, done=3), None), (replace(WAITING, status=Status("new")), 1)],
)
def test_without_a_worker_there_is_no_end_to_estimate(job: Job, position: int | None) -> None:
    pace = Pace(run=8.0, gap=0.5)

    assert estimate(job, position, pace, NOW, has_worker=False) == Estimate(position, None, lacks_worker=True)


def test_new_limits_replace_the_ones_they_set() -> None:
    assert Limits(60.0, 1_000) | Limits(tokens=2_000) == Limits(60.0, 2_000)
