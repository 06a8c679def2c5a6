"""Reporting: what is shown of a failed test beside its traceback: the logs of its processes, and how to repeat it."""

import shlex
from collections.abc import Generator

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.processes import logs


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    logs.begin_test()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"log {path}", text) for path, text in logs.written_since()]
        if command := _repetition(item):
            report.sections.append(("repeat with", command))
    return report


def make_test(*arguments: str) -> str:
    """Return the command that runs pytest with these arguments."""
    line = shlex.join(arguments).replace("$", "$$")
    return f"make test ARGS={shlex.quote(line)}"


def _repetition(item: pytest.Item) -> str | None:
    """Return the command that tries the examples of this test again, None for a test that has none."""
    test = getattr(item, "obj", None)
    if not is_hypothesis_test(test):
        return None
    if settings().derandomize:
        return f"CI=true {make_test(item.nodeid)}"
    # A test may also have a seed of its own.
    seed: int | None = getattr(test, "_hypothesis_internal_use_generated_seed", None)
    return None if seed is None else make_test(f"--hypothesis-seed={seed}", item.nodeid)
