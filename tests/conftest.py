"""What holds for all tests."""

import gc
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.example_kind import register
from tests.processes import starting
from tests.reporting import pytest_runtest_makereport, pytest_runtest_setup

settings.register_profile(
    "unhurried",
    settings.get_profile("default"),
    # How long an example takes says nothing on a machine with other work to do.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # In a CI each run draws the same examples: what other ones find need not come from the change that is tested.
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("unhurried")

# For the whole session: the suites over all kinds take their rows from the registries while tests are collected.
REGISTRATION = register()

__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo the logging configuration of commands that run in this process: later tests read what is logged."""
    configure = structlog.configure

    def configure_without_cache(**options: Any) -> None:  # Any: as structlog has it
        configure(**{**options, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", configure_without_cache)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.setLevel(level)
        root.handlers[:] = handlers


def pytest_configure() -> None:
    os.environ["AETHER_LOCAL_SEARCH"] = "false"  # the developer may run a model server
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


def pytest_collection_finish() -> None:
    """Spare the tests the search for garbage among what collecting them has left, a tenth of their time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the rows of chaos be last, also in a single process."""
    items.sort(key=lambda item: item.get_closest_marker("chaos") is not None)
