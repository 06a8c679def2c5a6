"""`aether watch`, and the event stream that all commands follow, with a scripted API."""

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
from tests.service.fake_api import (
    BULLETS,
    CHECKLIST_SUCCEEDED,
    CHECKLIST_SUMMARISED,
    CHECKLISTS,
    GENERATIONS,
    IMAGES_COMPLETE,
    JOB_ID,
    OPENING,
    REPORT_COMPLETED,
    REPORTS,
    FakeApi,
    Resource,
    Response,
    Script,
    Send,
    delta,
    event,
    generation_state,
    image_file,
    image_url,
    problem,
    report_state,
)
from tests.service.test_cli_report import DOCUMENT
from tests.waiting import PATIENCE_S

EVENTS = f"{REPORTS.job}/events"
HALF = report_state(4, 2)
CUT_OFF = Response(200, {}, {"Content-Type": "text/event-stream", "Content-Length": "9", "Connection": "close"})


def watch(api: FakeApi, *arguments: str) -> Result:
    return CliRunner().invoke(aether, ["watch", JOB_ID, "--url", api.url, *arguments])


def last_event_ids(api: FakeApi) -> list[str | None]:
    return [request.last_event_id for request in api.received("GET", EVENTS)]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi([HALF]) as api:
        yield api


def stream_until(api: FakeApi, *pieces: bytes, then: Response = REPORT_COMPLETED) -> Script:
    """A stream that sends these pieces, and then an event for the state `then`."""

    def script(send: Send) -> None:
        for piece in (OPENING, *pieces):
            send(piece)
        api.states[:] = [then]
        send(event("completed", then.body, 9))

    return script


@pytest.mark.parametrize(
    ("resource", "states", "message", "output"),
    [
        (REPORTS, [HALF, REPORT_COMPLETED], "section 3/3: III. Fall (2 words)", DOCUMENT),
        (CHECKLISTS, [CHECKLIST_SUMMARISED, CHECKLIST_SUCCEEDED], "checklist: 2 items", f"{BULLETS}\n"),
        (GENERATIONS, [generation_state(), IMAGES_COMPLETE], "made: 1 image", f"{image_url(0)}\n"),
    ],
)
def test_a_job_of_any_kind_is_found_and_watched_to_its_end(
    resource: Resource, states: list[Response], message: str, output: str
) -> None:
    with FakeApi([states[0], *states], resource=resource) as api:
        result = watch(api)
    assert (result.exit_code, result.stdout) == (0, output)
    assert result.stderr.splitlines()[0] == f"watching: {api.url}{resource.job}"
    assert result.stderr.splitlines()[-1] == message
    assert {request.method for request in api.requests} == {"GET"}


@pytest.mark.parametrize(
    ("resource", "first", "last", "output"),
    [
        (REPORTS, HALF, REPORT_COMPLETED, DOCUMENT),
        (CHECKLISTS, CHECKLIST_SUMMARISED, CHECKLIST_SUCCEEDED, f"{BULLETS}\n"),
        (GENERATIONS, generation_state(), IMAGES_COMPLETE, f"{image_url(0)}\n"),
    ],
)
def test_a_job_is_watched_through_what_only_a_newer_server_says(
    resource: Resource, first: Response, last: Response, output: str
) -> None:
    paused = first._replace(body=first.body | {"status": "paused", "mood": {"calm": True}})

    with FakeApi([paused], resource=resource) as newer:

        def script(send: Send) -> None:
            for piece in (OPENING, event("page_turned", {"page": 7}, 5), event("status", {"status": "paused"}, 6)):
                send(piece)
            newer.states[:] = [last]
            send(event("chapter_closed", {"chapter": 1}, 9))

        newer.streams = [script]
        result = watch(newer)

    assert (result.exit_code, result.stdout) == (0, output)
    assert len(newer.received("GET", f"{resource.job}/events")) == 1


def test_the_result_is_written_to_the_output(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with FakeApi([IMAGES_COMPLETE], resource=GENERATIONS) as api:
        api.files = {image_url(0): image_file("image/png", b"\x89PNG")}
        result = watch(api, "-o", str(target))
    assert (result.exit_code, result.stdout, target.read_bytes()) == (0, f"{target}\n", b"\x89PNG")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (report_state(9, 2, "failed", error="No."), "The report failed: No. (2 of 3 sections were finished)"),
        (report_state(9, 2, "cancelled"), "cancelled; 2 of 3 sections were finished"),
    ],
)
def test_a_job_that_failed_or_was_cancelled_is_a_failure(state: Response, message: str) -> None:
    with FakeApi([state]) as api:
        result = watch(api)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr.splitlines()


def test_a_job_of_no_kind_is_unknown() -> None:
    with FakeApi(resource=Resource("/elsewhere", REPORT_COMPLETED, {})) as api:
        result = watch(api)
    assert (result.exit_code, result.stderr) == (1, "Error: No job with this id exists; it may have expired.\n")


@pytest.mark.parametrize(("status", "exit_code"), [(403, 2), (500, 1)])
def test_an_error_of_the_server_does_not_mean_that_the_job_is_unknown(status: int, exit_code: int) -> None:
    with FakeApi([problem(status, "Not to you")]) as api:
        result = watch(api)
    assert (result.exit_code, result.stderr.splitlines()[-1].split(": ")[-1].strip()) == (exit_code, "Not to you")
    assert len(api.requests) == 1


def test_the_stream_is_followed_from_the_version_of_the_last_poll(api: FakeApi) -> None:
    api.streams = [stream_until(api)]
    result = watch(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert last_event_ids(api) == ["4"]


def test_a_new_job_is_followed_by_its_stream(api: FakeApi) -> None:
    api.streams = [stream_until(api)]
    result = CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert last_event_ids(api) == ["4"]


def test_a_stream_that_breaks_off_is_resumed_after_the_last_event(api: FakeApi) -> None:
    api.streams = [lambda send: send(OPENING + event("steps", {"steps": []}, 5) + b"event: sec"), stream_until(api)]
    assert watch(api).stdout == DOCUMENT
    assert last_event_ids(api) == ["4", "5"]


def test_a_server_that_becomes_unavailable_during_the_stream_is_retried(api: FakeApi) -> None:
    def breaking(send: Send) -> None:
        send(OPENING)
        api.states[:] = [problem(503, "The job store is unavailable.", {"Retry-After": "0"}), REPORT_COMPLETED]

    api.streams = [breaking]
    result = watch(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert "The job store is unavailable; trying again for up to 60 s\nThe server is back.\n" in result.stderr


@pytest.mark.parametrize(
    "pieces",
    [(), (event("completed", {}, 9),), (b"data: }\n\n", event("section.delta", {}), b"id: x\nretry: y\n\n")],
    ids=["nothing", "an end too early", "nonsense"],
)
def test_wrong_events_lose_no_text(api: FakeApi, pieces: tuple[bytes, ...]) -> None:
    api.streams = [stream_until(api, *pieces)]
    assert watch(api).stdout == DOCUMENT


def test_a_stream_that_a_proxy_holds_back_is_replaced_by_polls(api: FakeApi) -> None:
    """By a proxy that collects the whole response first."""
    ended = threading.Event()
    api.states = [HALF, HALF, HALF, REPORT_COMPLETED]
    api.streams = [lambda _: ended.wait(PATIENCE_S)]
    try:
        assert watch(api).stdout == DOCUMENT
    finally:
        ended.set()


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (Response(200, {}), UnexpectedResponseError),
        (Response(204, {}, content=b""), UnexpectedResponseError),
        (Response(404, {}), RefusedError),
        (Response(406, {}), RefusedError),
        (Response(501, {}), RefusedError),
        (Response(503, {}), ServerUnavailableError),
        (CUT_OFF, ServerUnavailableError),
    ],
)
async def test_a_missing_stream_and_an_unavailable_server_raise_different_errors(
    api: FakeApi, response: Response, error: type[AetherError]
) -> None:
    api.files = {EVENTS: response}
    async with ApiClient(api.url, REPORT) as client:
        with pytest.raises(error):
            _ = [event async for event in client.events(JOB_ID, "4")]


class Previews(LineDisplay):
    """Keeps the previews, which a bar would show."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.deltas: list[TextDelta] = []

    def preview(self, delta: TextDelta) -> None:
        self.deltas.append(delta)


async def test_text_is_previewed_while_it_is_written(api: FakeApi) -> None:
    api.streams = [stream_until(api, delta(2, "It "), delta(2, "fell."))]
    display = Previews()
    session = JobSession(REPORT, RemoteServer(api.url), display, StopSignal())
    assert await session.find(JOB_ID)
    assert (await session.watch()).outcome == "succeeded"
    assert display.deltas == [TextDelta(2, 1, "It "), TextDelta(2, 1, "fell.")]
