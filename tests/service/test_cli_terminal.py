"""`aether report` and its kin as processes: on a terminal, in a pipe, and interrupted."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.service.cli_api import (
    CHECKED,
    CHECKLISTS,
    COMPLETED,
    GENERATIONS,
    JOB_ID,
    OPENING,
    PAINTED,
    REPORTS,
    SUMMARISED,
    WAITING,
    Answer,
    FakeApi,
    Tell,
    checklist,
    delta,
    event,
    generation,
    image_url,
    picture,
    problem,
    state,
)

ENVIRONMENT = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


REPORT = ("report", "Rome")
TOO_LATE = problem(409, "A job that has completed cannot be cancelled.")
AWAY = problem(503, "The store is unavailable.")
PATIENCE_S = 20.0


class Ended(NamedTuple):
    status: int
    out: bytes
    err: str


def start(api: FakeApi, arguments: Sequence[str] = REPORT, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aether", *arguments, "--url", api.url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=ENVIRONMENT)


def end(process: subprocess.Popen[bytes]) -> Ended:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ended(process.returncode, out, (err or b"").decode())


def interrupted(
    api: FakeApi, arguments: Sequence[str] = REPORT, *, number: int = signal.SIGINT, then: Answer | None = None
) -> Ended:
    """Send the signal once the job has been looked at twice; from then on it is at state `then`, if given."""
    process = start(api, arguments)
    until(lambda: len(api.sent("GET", api.resource.job)) > 1)
    if then is not None:
        api.states[:] = [then]
    process.send_signal(number)
    return end(process)


def on_terminal(api: FakeApi, arguments: Sequence[str] = REPORT) -> tuple[str, Ended]:
    """Return what a terminal shows, and how the command ended."""
    terminal, stderr = pty.openpty()
    process = start(api, arguments, stderr)
    os.close(stderr)
    shown = read_all(terminal)
    os.close(terminal)
    return shown, end(process)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
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


@pytest.fixture
def checklist_command(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "guideline.txt").write_text("Wash your hands.")
    return "checklist", str(tmp_path / "guideline.txt")


@pytest.fixture
def image_command(tmp_path: Path) -> tuple[str, ...]:
    return "image", "A lighthouse", "-o", str(tmp_path / "a.png")


def test_an_interrupt_ends_the_watching_and_not_the_job() -> None:
    with FakeApi([state(4, 2)]) as api:
        ended = interrupted(api, ("watch", JOB_ID))
    assert (ended.status, ended.out) == (130, b"")
    assert ended.err.endswith(f"Stopped watching; job {JOB_ID} was not cancelled.\n")
    assert all(asked.method == "GET" for asked in api.asked)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_the_job(number: signal.Signals) -> None:
    with FakeApi([state(4, 2)]) as api:
        ended = interrupted(api, number=number)
    assert len(api.sent("POST", f"{REPORTS.job}/cancel")) == 1
    assert (ended.status, ended.out) == (130, b"")
    assert "cancelled; 2 of 3 sections were finished\n" in ended.err


def test_an_interrupt_cancels_a_checklist(checklist_command: tuple[str, ...]) -> None:
    with FakeApi([SUMMARISED], of=CHECKLISTS) as api:
        ended = interrupted(api, checklist_command)
    assert len(api.sent("POST", f"{CHECKLISTS.job}/cancel")) == 1
    assert (ended.status, ended.out) == (130, b"")
    assert "cancelled; the summary was finished\nWhat is finished is kept: GET " in ended.err


def test_an_interrupt_cancels_images(tmp_path: Path, image_command: tuple[str, ...]) -> None:
    with FakeApi([generation()], of=GENERATIONS) as api:
        ended = interrupted(api, image_command)
    assert len(api.sent("POST", f"{GENERATIONS.job}/cancel")) == 1
    assert ended.status == 130
    assert ended.err.endswith("cancelled; no attempt failed\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_that_comes_too_late_gives_the_report() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = TOO_LATE
        ended = interrupted(api, then=COMPLETED)
    assert ended.status == 0
    assert ended.out.startswith(b"# Rome\n\n## I. Rise\n")


def test_an_interrupt_that_comes_too_late_gives_the_images(tmp_path: Path, image_command: tuple[str, ...]) -> None:
    with FakeApi([generation()], of=GENERATIONS) as api:
        api.cancel = TOO_LATE
        api.pictures = {image_url(0): picture("image/png", b"\x89PNG")}
        ended = interrupted(api, image_command, then=PAINTED)
    assert ended.status == 0
    assert (tmp_path / "a.png").read_bytes() == b"\x89PNG"


def test_an_interrupt_ends_the_wait_for_images_of_a_server_that_is_away(image_command: tuple[str, ...]) -> None:
    with FakeApi([PAINTED], of=GENERATIONS) as api:
        api.pictures = {image_url(0): AWAY}
        process = start(api, image_command)
        until(lambda: api.sent("GET", image_url(0)))
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert ended.status == 130
    assert ended.err.endswith(f"Stopped; what was made is kept: GET {api.url}{GENERATIONS.job}\n")


def test_a_second_interrupt_does_not_wait_for_the_server() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = AWAY
        process = start(api)
        until(lambda: len(api.sent("GET", REPORTS.job)) > 1)
        process.send_signal(signal.SIGINT)
        until(lambda: api.sent("POST", f"{REPORTS.job}/cancel"))
        process.send_signal(signal.SIGINT)
        ended = end(process)
    assert len(api.sent("POST", f"{REPORTS.job}/cancel")) == 1
    assert ended.status == 130
    assert "Traceback" not in ended.err


def test_a_server_that_cannot_be_told_to_cancel_is_named() -> None:
    with FakeApi([state(4, 2)]) as api:
        api.cancel = AWAY
        ended = interrupted(api)
    assert ended.status == 1
    assert f"Report {JOB_ID} could not be cancelled and may go on being made" in ended.err


def test_a_terminal_gets_a_bar_and_excerpts_and_stdout_stays_clean() -> None:
    with FakeApi([WAITING, state(4, 2), COMPLETED]) as api:
        shown, ended = on_terminal(api)
    assert ended.status == 0
    assert ended.out.startswith(b"# Rome\n\n## I. Rise\n")
    assert "2 of 3 sections" in shown
    assert "━" in shown
    assert "It ruled for long." in shown


def test_a_terminal_shows_how_a_checklist_comes_about(checklist_command: tuple[str, ...]) -> None:
    with FakeApi([checklist(), SUMMARISED, CHECKED], of=CHECKLISTS) as api:
        shown, ended = on_terminal(api, checklist_command)
    assert ended.status == 0
    assert ended.out.startswith(b"- Hands are washed.\n")
    assert "summarising the guideline" in shown
    assert "Wash, then cook." in shown


def test_a_terminal_shows_text_while_it_is_written() -> None:
    seen = threading.Event()

    def script(tell: Tell) -> None:
        tell(OPENING + delta(2, "It fell from"))
        assert seen.wait(PATIENCE_S)
        api.states[:] = [COMPLETED]
        tell(event("completed", {}, 9))

    terminal, stderr = pty.openpty()
    with FakeApi([state(4, 2)]) as api:
        api.streams = [script]
        process = start(api, stderr=stderr)
        os.close(stderr)
        shown = ""
        while "It fell from" not in shown:
            shown += os.read(terminal, 65_536).decode(errors="replace")
        seen.set()
        read_all(terminal)
        os.close(terminal)
        ended = end(process)
    assert ended.status == 0
    assert ended.out.startswith(b"# Rome\n\n## I. Rise\n")


def test_a_pipe_gets_no_terminal_codes() -> None:
    with FakeApi([state(4, 2), COMPLETED]) as api:
        ended = end(start(api))
    assert "\x1b" not in ended.out.decode() + ended.err
    assert "section 2/3: II. Rule (4 words)\n" in ended.err
