from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aether.domain.events import AttemptFailed, Event, StatusChanged, StepFinished, StepsPlanned, derive_events
from aether.domain.job import (
    ALLOWED_FROM,
    ENDED,
    LIVE,
    RETRYABLE,
    Attempt,
    Change,
    Job,
    Kind,
    Problem,
    Status,
    Step,
    StepStatus,
    Usage,
)
from tests.strategies import changes

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
FAILURE = Attempt("a", 1, NOON, "no answer")
NEW = Job("4f", Kind.REPORT, "ada", msgspec.Raw(b"{}"), Status.PENDING, 1, 1, NOON, NOON, NOON, NOON)


def job(status: Status, total: int, *statuses: StepStatus) -> Job:
    steps = tuple(Step(f"step:{at}", at, status) for at, status in enumerate(statuses))
    return replace(NEW, status=status, total=total, steps=steps)


DONE, FAILED, RUNNING = StepStatus.DONE, StepStatus.FAILED, StepStatus.RUNNING


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (job(Status.PENDING, 0), 0.0),
        (job(Status.PROCESSING, 0, DONE), 0.0),
        (job(Status.PROCESSING, 4, DONE, RUNNING), 0.25),
        (job(Status.FAILED, 4, DONE, FAILED, DONE), 0.5),
        (job(Status.CANCELLED, 4, DONE), 0.25),
        (job(Status.PROCESSING, 2, DONE, DONE), 0.99),
        (job(Status.FAILED, 2, DONE, DONE), 0.99),
        (job(Status.COMPLETED, 2, DONE, DONE), 1.0),
        (job(Status.COMPLETED, 0), 1.0),
    ],
)
def test_progress_is_the_share_of_finished_steps_and_1_only_when_completed(current: Job, expected: float) -> None:
    assert expected == current.progress


@given(st.integers(1, 500))
def test_progress_never_decreases(total: int) -> None:
    progress = [job(Status.PROCESSING, total, *[DONE] * done).progress for done in range(0, total + 1, 7)]

    assert all(earlier <= later < 1.0 for earlier, later in pairwise(progress))


def test_steps_are_counted_by_status_and_found_by_name() -> None:
    current = job(Status.PROCESSING, 4, DONE, RUNNING, DONE)

    counts = {status.value: current.count(status) for status in StepStatus}
    assert counts == {"pending": 0, "running": 1, "done": 2, "failed": 0}
    assert (current.steps[1], None) == (current.step("step:1"), current.step("step:9"))


def test_every_status_is_either_live_or_ended() -> None:
    assert set(Status) == LIVE | ENDED
    assert not LIVE & ENDED
    assert {Status.FAILED, Status.CANCELLED} == RETRYABLE
    assert set(Status) == set(ALLOWED_FROM)


def test_usage_adds_up() -> None:
    total = Usage(1, 20, 3) + Usage(2, 5, 1)

    assert (Usage(3, 25, 4), 29) == (total, total.tokens)


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (Change(), Change(), Change()),
        (Change(total=3), Change(), Change(total=3)),
        (Change(total=3), Change(total=0), Change(total=0)),
        (Change(Status.PROCESSING), Change(Status.FAILED), Change(Status.FAILED)),
        (Change(Status.FAILED), Change(), Change(Status.FAILED)),
        (Change(usage=Usage(1, 2, 3)), Change(usage=Usage(1, 1, 1)), Change(usage=Usage(2, 3, 4))),
        (Change(problem=Problem("a", "A")), Change(), Change(problem=Problem("a", "A"))),
        (Change(steps=(Step("a"),)), Change(steps=(Step("b"),)), Change(steps=(Step("a"), Step("b")))),
        (Change(attempts=(FAILURE,)), Change(attempts=(FAILURE,)), Change(attempts=(FAILURE, FAILURE))),
    ],
)
def test_changes_add_up_and_the_later_one_wins(earlier: Change, later: Change, expected: Change) -> None:
    assert expected == earlier + later


def step(name: str, status: StepStatus) -> Step:
    return Step(name, status=status)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change(Status.PENDING), [StatusChanged(Status.PENDING)]),
        (Change(total=3), [StepsPlanned(())]),
        (Change(steps=(step("a", DONE), step("b", DONE))), [StepFinished("a"), StepFinished("b")]),
        (Change(steps=(step("a", RUNNING), step("b", FAILED))), [StepsPlanned(("a", "b"))]),
        (Change(attempts=(FAILURE,)), [AttemptFailed(FAILURE)]),
        (
            Change(Status.FAILED, 2, (step("a", RUNNING), step("a", FAILED), step("b", DONE)), (FAILURE,)),
            [StepsPlanned(("a",)), AttemptFailed(FAILURE), StepFinished("b"), StatusChanged(Status.FAILED)],
        ),
        (Change(steps=(step("a", RUNNING), step("a", DONE))), [StepsPlanned(("a",)), StepFinished("a")]),
        (Change(usage=Usage(1)), [StepsPlanned(())]),
        (Change(), [StepsPlanned(())]),
    ],
)
def test_a_change_gives_events(change: Change, expected: list[Event]) -> None:
    assert expected == list(derive_events(change))


@settings(max_examples=50)
@given(changes())
def test_a_change_gives_at_least_one_event_with_the_status_last(change: Change) -> None:
    events = list(derive_events(change))

    assert events
    assert (change.status is not None) == isinstance(events[-1], StatusChanged)


@settings(max_examples=50)
@given(changes())
def test_facts_come_back_from_json(change: Change) -> None:
    events = list(derive_events(change))

    assert events == msgspec.json.decode(msgspec.json.encode(events), type=list[Event])
