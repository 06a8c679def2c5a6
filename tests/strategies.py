"""Records of any shape, for property tests."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import strategies as st

from aether.domain.job import Attempt, Change, Problem, Status, Step, StepStatus, Usage

times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
names = st.text(min_size=1, max_size=30)
counts = st.integers(0, 2**50)
usages = st.builds(Usage, counts, counts, counts)
problems = st.builds(Problem, names, st.text(), st.none() | names)


def json_values() -> st.SearchStrategy[bytes]:
    """Any JSON, encoded."""
    scalars = (
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    )
    values = st.recursive(
        scalars | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4
    )
    return values.map(msgspec.json.encode)


def steps() -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        names,
        st.integers(0, 100),
        st.sampled_from(StepStatus),
        st.none() | st.text(),
        st.integers(0, 1000),
        st.none() | times,
        st.none() | times,
        json_values().map(msgspec.Raw),
    )


@st.composite
def attempts(draw: st.DrawFn) -> tuple[Attempt, ...]:
    """Failures in the order in which they happened."""
    at, failures = draw(times), []
    for number in range(draw(st.integers(0, 5))):
        at += timedelta(microseconds=draw(st.integers(1, 9)))
        failures.append(Attempt(draw(names), number, at, draw(st.text()), draw(st.none() | times)))
    return tuple(failures)


def changes() -> st.SearchStrategy[Change]:
    """What a run may commit."""
    return st.builds(
        Change,
        st.sampled_from([None, Status.COMPLETED, Status.FAILED, Status.CANCELLED]),
        st.none() | st.integers(1, 100),
        st.lists(steps(), max_size=5, unique_by=(lambda step: step.name, lambda step: step.order)).map(tuple),
        attempts(),
        usages,
        st.none() | problems,
    )
