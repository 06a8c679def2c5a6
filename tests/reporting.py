"""Reporting: what is shown of a failed test beside its traceback: the logs of its processes, and how to repeat it."""

import shlex
from collections.abc import Generator

import pytest

from tests.processes import logs


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    logs.begin_test()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"log {path}", text) for path, text in logs.written_since()]
        if (seed := _seed_of(item)) is not None:
            report.sections.append(("repeat with", make_test(f"--hypothesis-seed={seed}", item.nodeid)))
    return report


def make_test(*arguments: str) -> str:
    """Return the command that runs pytest with these arguments."""
    line = shlex.join(arguments).replace("$", "$$")
    return f"make test ARGS={shlex.quote(line)}"


def _seed_of(item: pytest.Item) -> int | None:
    """Return the seed that Hypothesis drew for this test, None for one without examples or with a seed of its own."""
    test = getattr(item, "obj", None)
    seed: int | None = getattr(test, "_hypothesis_internal_use_generated_seed", None)
    return seed
