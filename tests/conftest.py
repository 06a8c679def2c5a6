"""What holds for all tests."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.example_kind import register
from tests.processes import logs, starting

# How long an example takes says nothing on a machine with other work to do.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# For the whole session: the suites over all kinds take their rows from the registries while tests are collected.
REGISTRATION = register()


def pytest_configure() -> None:
    starting.fork_server = starting.ForkServer()


@pytest.hookimpl(tryfirst=True)  # before the coverage of all processes is put together
def pytest_sessionfinish() -> None:
    if starting.fork_server is not None:
        starting.fork_server.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:  # Any: its types are not public
    from tests.scheduling import ChaosLastScheduling  # noqa: PLC0415 - only the process that distributes tests needs it

    config.option.loadscopereorder = False
    return ChaosLastScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the rows of chaos be last, also in a single process."""
    items.sort(key=lambda item: item.get_closest_marker("chaos") is not None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    logs.begin_test()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"log {path}", text) for path, text in logs.written_since()]
    return report
