"""A real Chromium, on machines that have one, before the real service."""

import shutil
from collections.abc import Iterator

import pytest
import pytest_socket
from playwright.sync_api import Browser, Page, sync_playwright

from tests.service.stack import Stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # root has none
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # there is no internet
]

collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CHROMIUM:
        terminalreporter.write_line("tests/browser was left out: there is no Chromium on this machine.")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service without workers."""
    pytest_socket._remove_restrictions()
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
        assert stack.leaks() == []


@pytest.fixture
def stack(service: Stack) -> Iterator[Stack]:
    pytest_socket._remove_restrictions()
    yield service
    service.fresh()
    service.end_workers()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """No longer than a module: while it is open, its event loop stands in the way of those of other tests."""
    pytest_socket._remove_restrictions()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a browser that has been nowhere."""
    with chromium.new_context() as context:
        yield context.new_page()
