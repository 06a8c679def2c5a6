"""`aether watch`, and the stream that all commands follow, against a scripted API."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.client.api_client import ApiClient
from aether.cli.client.errors import RefusedError, ServerUnavailableError, UnexpectedResponseError
from aether.cli.client.job_session import JobSession
from aether.cli.client.server_connection import RemoteServer
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT
from aether.cli.local.signals import StopSignal
from aether.cli.output.progress import LineDisplay
from aether.cli.output.progress_events import TextDelta
from aether.errors import AetherError
from tests.service.cli_api import (
    BULLETS,
    CHECKED,
    CHECKLISTS,
    COMPLETED,
    GENERATIONS,
    JOB_ID,
    OPENING,
    PAINTED,
    REPORTS,
    SUMMARISED,
    Answer,
    FakeApi,
    Resource,
    Script,
    Tell,
    delta,
    event,
    generation,
    image_url,
    picture,
    problem,
    state,
)
from tests.service.test_cli_report import DOCUMENT

EVENTS = f"{REPORTS.job}/events"
HALF = state(4, 2)
CUT_OFF = Answer(200, {}, {"Content-Type": "text/event-stream", "Content-Length": "9", "Connection": "close"})


def watch(api: FakeApi, *arguments: str) -> Result:
    return CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url, *arguments])


def cursors(api: FakeApi) -> list[str | None]:
    return [asked.last_event_id for asked in api.sent("GET", EVENTS)]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi([HALF]) as api:
        yield api


def ending(api: FakeApi, *pieces: bytes, then: Answer = COMPLETED) -> Script:
    """A stream that tells these, and then that the job is at this state."""

    def script(tell: Tell) -> None:
        for piece in (OPENING, *pieces):
            tell(piece)
        api.states[:] = [then]
        tell(event("completed", then.body, 9))

    return script


@pytest.mark.parametrize(
    ("of", "states", "told", "made"),
    [
        (REPORTS, [HALF, COMPLETED], "section 3/3: III. Fall (2 words)", DOCUMENT),
        (CHECKLISTS, [SUMMARISED, CHECKED], "checklist: 2 items", f"{BULLETS}\n"),
        (GENERATIONS, [generation(), PAINTED], "made: 1 image", f"{image_url(0)}\n"),
    ],
)
def test_a_job_of_any_kind_is_found_and_watched_to_its_end(
    of: Resource, states: list[Answer], told: str, made: str
) -> None:
    with FakeApi([states[0], *states], of=of) as api:
        result = watch(api)
    assert (result.exit_code, result.stdout) == (0, made)
    assert result.stderr.splitlines()[0] == f"watching: {api.url}{of.job}"
    assert result.stderr.splitlines()[-1] == told
    assert {asked.method for asked in api.asked} == {"GET"}


def test_what_was_made_goes_to_the_output(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with FakeApi([PAINTED], of=GENERATIONS) as api:
        api.pictures = {image_url(0): picture("image/png", b"\x89PNG")}
        result = watch(api, "-o", str(target))
    assert (result.exit_code, result.stdout, target.read_bytes()) == (0, f"{target}\n", b"\x89PNG")


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (state(9, 2, "failed", error="No."), "The report failed: No. (2 of 3 sections were finished)"),
        (state(9, 2, "cancelled"), "cancelled; 2 of 3 sections were finished"),
    ],
)
def test_a_job_that_was_not_done_is_no_success(ended: Answer, told: str) -> None:
    with FakeApi([ended]) as api:
        result = watch(api)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr.splitlines()


def test_a_job_that_no_kind_has_is_unknown() -> None:
    with FakeApi(of=Resource("/elsewhere", COMPLETED, {})) as api:
        result = watch(api)
    assert (result.exit_code, result.stderr) == (1, "Error: No job with this id exists; it may have expired.\n")


@pytest.mark.parametrize(("status", "exit_code"), [(403, 2), (500, 1)])
def test_a_server_that_will_not_say_is_not_taken_for_one_without_the_job(status: int, exit_code: int) -> None:
    with FakeApi([problem(status, "Not to you")]) as api:
        result = watch(api)
    assert (result.exit_code, result.stderr.splitlines()[-1].split(": ")[-1].strip()) == (exit_code, "Not to you")
    assert len(api.asked) == 1


def test_the_stream_is_followed_from_the_version_that_was_seen(api: FakeApi) -> None:
    api.streams = [ending(api)]
    result = watch(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert cursors(api) == ["4"]


def test_an_order_follows_the_stream_of_its_job(api: FakeApi) -> None:
    api.streams = [ending(api)]
    result = CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert cursors(api) == ["4"]


def test_a_stream_that_breaks_off_is_resumed_behind_the_last_event(api: FakeApi) -> None:
    api.streams = [lambda tell: tell(OPENING + event("steps", {"steps": []}, 5) + b"event: sec"), ending(api)]
    assert watch(api).stdout == DOCUMENT
    assert cursors(api) == ["4", "5"]


def test_a_server_that_goes_away_while_it_tells_is_waited_for(api: FakeApi) -> None:
    def breaking(tell: Tell) -> None:
        tell(OPENING)
        api.states[:] = [problem(503, "The job store is unavailable.", {"Retry-After": "0"}), COMPLETED]

    api.streams = [breaking]
    result = watch(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert "The job store is unavailable; trying again for up to 60 s\nThe server is back.\n" in result.stderr


@pytest.mark.parametrize(
    "pieces",
    [(), (event("completed", {}, 9),), (b"data: }\n\n", event("section.delta", {}), b"id: x\nretry: y\n\n")],
    ids=["nothing", "an end too early", "nonsense"],
)
def test_what_is_told_wrong_costs_no_word(api: FakeApi, pieces: tuple[bytes, ...]) -> None:
    api.streams = [ending(api, *pieces)]
    assert watch(api).stdout == DOCUMENT


def test_a_stream_that_is_held_back_on_its_way_is_done_without(api: FakeApi) -> None:
    """As by a proxy that collects the whole answer first."""
    ended = threading.Event()
    api.states = [HALF, HALF, HALF, COMPLETED]
    api.streams = [lambda _: ended.wait(20)]
    try:
        assert watch(api).stdout == DOCUMENT
    finally:
        ended.set()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, {}), UnexpectedResponseError),
        (Answer(204, {}, content=b""), UnexpectedResponseError),
        (Answer(404, {}), RefusedError),
        (Answer(406, {}), RefusedError),
        (Answer(501, {}), RefusedError),
        (Answer(503, {}), ServerUnavailableError),
        (CUT_OFF, ServerUnavailableError),
    ],
)
async def test_a_server_without_streams_is_told_from_one_that_is_away(
    api: FakeApi, answer: Answer, error: type[AetherError]
) -> None:
    api.pictures = {EVENTS: answer}
    async with ApiClient(api.url, REPORT) as jobs:
        with pytest.raises(error):
            _ = [event async for event in jobs.events(JOB_ID, "4")]


class Previews(LineDisplay):
    """Keeps what a bar would show below it."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.seen: list[TextDelta] = []

    def preview(self, delta: TextDelta) -> None:
        self.seen.append(delta)


async def test_text_is_shown_while_it_is_written(api: FakeApi) -> None:
    api.streams = [ending(api, delta(2, "It "), delta(2, "fell."))]
    show = Previews()
    session = JobSession(REPORT, RemoteServer(api.url), show, StopSignal())
    assert await session.find(JOB_ID)
    assert (await session.watch()).outcome == "succeeded"
    assert show.seen == [TextDelta(2, 1, "It "), TextDelta(2, 1, "fell.")]
