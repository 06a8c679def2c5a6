"""Commands as processes: in a terminal, in a pipe, and interrupted."""

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.service.fake_api import (
    CHECKLIST_SUCCEEDED,
    CHECKLIST_SUMMARISED,
    CHECKLISTS,
    GENERATIONS,
    IMAGES_COMPLETE,
    JOB_ID,
    OPENING,
    REPORT_COMPLETED,
    REPORT_PENDING,
    REPORTS,
    FakeApi,
    Response,
    Send,
    checklist_state,
    delta,
    event,
    generation_state,
    image_file,
    image_url,
    problem,
    report_state,
)
from tests.waiting import PATIENCE_S, until

ENVIRONMENT = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


REPORT = ("report", "Rome")
TOO_LATE = problem(409, "A job that has completed cannot be cancelled.")
AWAY = problem(503, "The store is unavailable.")


class Result(NamedTuple):
    status: int
    out: bytes
    err: str


def start(api: FakeApi, arguments: Sequence[str] = REPORT, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aether", *arguments, "--url", api.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=ENVIRONMENT)


def end(process: subprocess.Popen[bytes]) -> Result:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Result(process.returncode, out, (err or b"").decode())


def interrupted(
    api: FakeApi, arguments: Sequence[str] = REPORT, *, number: int = signal.SIGINT, then: Response | None = None
) -> Result:
    """Send the signal after two polls of the job; if `then` is not None, it is the state of the job from then on."""
    process = start(api, arguments)
    until(lambda: len(api.received("GET", api.resource.job)) > 1)
    if then is not None:
        api.states[:] = [then]
    process.send_signal(number)
    return end(process)


def on_terminal(api: FakeApi, arguments: Sequence[str] = REPORT) -> tuple[str, Result]:
    """Return what a terminal shows, and how the command ended."""
    terminal, stderr = pty.openpty()
    process = start(api, arguments, stderr)
    os.close(stderr)
    shown = read_all(terminal)
    os.close(terminal)
    return shown, end(process)


def read_all(terminal: int) -> str:
    shown = b""
    try:
        while part := os.read(terminal, 65_536):
            shown += part
    except OSError:  # Linux says EIO once the other end is closed
        pass
    return shown.decode()


@pytest.fixture
def checklist_command(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "guideline.txt").write_text("Wash your hands.")
    return "checklist", str(tmp_path / "guideline.txt")


@pytest.fixture
def image_command(tmp_path: Path) -> tuple[str, ...]:
    return "image", "A lighthouse", "-o", str(tmp_path / "a.png")


def test_an_interrupt_ends_watch_and_does_not_cancel_the_job() -> None:
    with FakeApi([report_state(4, 2)]) as api:
        result = interrupted(api, ("watch", JOB_ID))
    assert (result.status, result.out) == (130, b"")
    assert result.err.endswith(f"Stopped watching; job {JOB_ID} was not cancelled.\n")
    assert all(request.method == "GET" for request in api.requests)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_job(number: signal.Signals) -> None:
    with FakeApi([report_state(4, 2)]) as api:
        result = interrupted(api, number=number)
    assert len(api.received("POST", f"{REPORTS.job}/cancel")) == 1
    assert (result.status, result.out) == (130, b"")
    assert "cancelled; 2 of 3 sections were finished\n" in result.err


def test_an_interrupt_cancels_a_checklist(checklist_command: tuple[str, ...]) -> None:
    with FakeApi([CHECKLIST_SUMMARISED], resource=CHECKLISTS) as api:
        result = interrupted(api, checklist_command)
    assert len(api.received("POST", f"{CHECKLISTS.job}/cancel")) == 1
    assert (result.status, result.out) == (130, b"")
    assert "cancelled; the summary was finished\nWhat is finished is kept: GET " in result.err


def test_an_interrupt_cancels_images(tmp_path: Path, image_command: tuple[str, ...]) -> None:
    with FakeApi([generation_state()], resource=GENERATIONS) as api:
        result = interrupted(api, image_command)
    assert len(api.received("POST", f"{GENERATIONS.job}/cancel")) == 1
    assert result.status == 130
    assert result.err.endswith("cancelled; no attempt failed\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_after_the_job_has_completed_delivers_the_report() -> None:
    with FakeApi([report_state(4, 2)]) as api:
        api.on_cancel = TOO_LATE
        result = interrupted(api, then=REPORT_COMPLETED)
    assert result.status == 0
    assert result.out.startswith(b"# Rome\n\n## I. Rise\n")


def test_an_interrupt_after_the_job_has_completed_delivers_the_images(
    tmp_path: Path, image_command: tuple[str, ...]
) -> None:
    with FakeApi([generation_state()], resource=GENERATIONS) as api:
        api.on_cancel = TOO_LATE
        api.files = {image_url(0): image_file("image/png", b"\x89PNG")}
        result = interrupted(api, image_command, then=IMAGES_COMPLETE)
    assert result.status == 0
    assert (tmp_path / "a.png").read_bytes() == b"\x89PNG"


def test_an_interrupt_ends_the_wait_for_images_of_an_unavailable_server(image_command: tuple[str, ...]) -> None:
    with FakeApi([IMAGES_COMPLETE], resource=GENERATIONS) as api:
        api.files = {image_url(0): AWAY}
        process = start(api, image_command)
        until(lambda: api.received("GET", image_url(0)))
        process.send_signal(signal.SIGINT)
        result = end(process)
    assert result.status == 130
    assert result.err.endswith(f"Stopped; what was made is kept: GET {api.url}{GENERATIONS.job}\n")


def test_a_second_interrupt_does_not_wait_for_the_server() -> None:
    with FakeApi([report_state(4, 2)]) as api:
        api.on_cancel = AWAY
        process = start(api)
        until(lambda: len(api.received("GET", REPORTS.job)) > 1)
        process.send_signal(signal.SIGINT)
        until(lambda: api.received("POST", f"{REPORTS.job}/cancel"))
        process.send_signal(signal.SIGINT)
        result = end(process)
    assert len(api.received("POST", f"{REPORTS.job}/cancel")) == 1
    assert result.status == 130
    assert "Traceback" not in result.err


def test_a_job_that_could_not_be_cancelled_is_named() -> None:
    with FakeApi([report_state(4, 2)]) as api:
        api.on_cancel = AWAY
        result = interrupted(api)
    assert result.status == 1
    assert f"Report {JOB_ID} could not be cancelled and may go on being made" in result.err


def test_a_terminal_gets_a_bar_and_excerpts_and_stdout_stays_clean() -> None:
    with FakeApi([REPORT_PENDING, report_state(4, 2), REPORT_COMPLETED]) as api:
        shown, result = on_terminal(api)
    assert result.status == 0
    assert result.out.startswith(b"# Rome\n\n## I. Rise\n")
    assert "2 of 3 sections" in shown
    assert "━" in shown
    assert "It ruled for long." in shown


def test_a_terminal_shows_the_progress_of_a_checklist(checklist_command: tuple[str, ...]) -> None:
    with FakeApi([checklist_state(), CHECKLIST_SUMMARISED, CHECKLIST_SUCCEEDED], resource=CHECKLISTS) as api:
        shown, result = on_terminal(api, checklist_command)
    assert result.status == 0
    assert result.out.startswith(b"- Hands are washed.\n")
    assert "summarising the guideline" in shown
    assert "Wash, then cook." in shown


def test_a_terminal_shows_text_while_it_is_written() -> None:
    seen = threading.Event()

    def script(send: Send) -> None:
        send(OPENING + delta(2, "It fell from"))
        assert seen.wait(PATIENCE_S)
        api.states[:] = [REPORT_COMPLETED]
        send(event("completed", {}, 9))

    terminal, stderr = pty.openpty()
    with FakeApi([report_state(4, 2)]) as api:
        api.streams = [script]
        process = start(api, stderr=stderr)
        os.close(stderr)
        shown = ""
        while "It fell from" not in shown:
            shown += os.read(terminal, 65_536).decode(errors="replace")
        seen.set()
        read_all(terminal)
        os.close(terminal)
        result = end(process)
    assert result.status == 0
    assert result.out.startswith(b"# Rome\n\n## I. Rise\n")


def test_a_pipe_gets_no_terminal_codes() -> None:
    with FakeApi([report_state(4, 2), REPORT_COMPLETED]) as api:
        result = end(start(api))
    assert "\x1b" not in result.out.decode() + result.err
    assert "section 2/3: II. Rule (4 words)\n" in result.err
