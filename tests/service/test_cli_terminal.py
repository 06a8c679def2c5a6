"""`aether report` as a process: on a terminal, in a pipe, and interrupted."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.service.cli_api import COMPLETED, JOB_ID, WAITING, FakeApi, problem, state

ENVIRONMENT = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


def start(api: FakeApi, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aether", "report", "Rome", "--url", api.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=ENVIRONMENT)


def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read_all(terminal: int) -> str:
    shown = b""
    try:
        while part := os.read(terminal, 65_536):
            shown += part
    except OSError:  # Linux says EIO once the other end is closed
        pass
    return shown.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_job(number: signal.Signals) -> None:
    with FakeApi([state(4, 2)]) as api:
        process = start(api)
        until(lambda: len(api.sent("GET", f"/reports/{JOB_ID}")) > 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert len(api.sent("POST", f"/reports/{JOB_ID}/cancel")) == 1
    assert (process.returncode, out) == (130, b"")
    assert "cancelled; 2 of 3 sections were finished\n" in err.decode()


def test_an_interrupt_that_comes_too_late_gives_the_report() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = problem(409, "A job that is completed cannot become cancelled.")
        process = start(api)
        until(lambda: len(api.sent("GET", f"/reports/{JOB_ID}")) > 1)
        api.states[:] = [COMPLETED]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert out.startswith(b"# Rome\n\n## I. Rise\n")


def test_a_second_interrupt_does_not_wait_for_the_server() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = problem(503, "The job store is unavailable.")
        process = start(api)
        until(lambda: len(api.sent("GET", f"/reports/{JOB_ID}")) > 1)
        process.send_signal(signal.SIGINT)
        until(lambda: api.sent("POST", f"/reports/{JOB_ID}/cancel"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert len(api.sent("POST", f"/reports/{JOB_ID}/cancel")) == 1
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_a_server_that_cannot_be_told_to_cancel_is_named() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = problem(503, "The job store is unavailable.")
        process = start(api)
        until(lambda: len(api.sent("GET", f"/reports/{JOB_ID}")) > 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert f"Report {JOB_ID} could not be cancelled and may go on being written" in err.decode()


def test_a_terminal_gets_a_bar_and_excerpts_and_stdout_stays_clean() -> None:
    terminal, stderr = pty.openpty()
    with FakeApi([WAITING, state(4, 2), COMPLETED]) as api:
        process = start(api, stderr)
        os.close(stderr)
        shown = read_all(terminal)
        out, _ = process.communicate(timeout=10)
    os.close(terminal)
    assert process.returncode == 0
    assert out.startswith(b"# Rome\n\n## I. Rise\n")
    assert "2 of 3 sections" in shown
    assert "━" in shown
    assert "It ruled for long." in shown


def test_a_pipe_gets_no_terminal_codes() -> None:
    with FakeApi([state(4, 2), COMPLETED]) as api:
        out, err = start(api).communicate(timeout=10)
    assert b"\x1b" not in out + err
    assert b"section 2/3: II. Rule (4 words)\n" in err
