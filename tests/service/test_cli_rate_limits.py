"""Rate limits: commands wait as long as the server asks, show a message, and go on."""

import signal

import pytest
from click.testing import CliRunner, Result
from typing_extensions import override

from aether.cli.client.api_client import ApiClient
from aether.cli.client.errors import TooManyRequestsError
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT
from tests.service.fake_api import JOB_ID, REPORT_COMPLETED, REPORTS, FakeApi, Request, Response, problem, report_state
from tests.service.test_cli_report import DOCUMENT
from tests.service.test_cli_terminal import end, start
from tests.waiting import until

REACHED = "The limit of 3 requests in 6 s is reached"
EVENTS = f"{REPORTS.job}/events"


def limited(seconds: int) -> Response:
    return problem(429, f"{REACHED}.", {"Retry-After": str(seconds)})


class LimitedApi(FakeApi):
    """Returns the responses that `limits` has for a method and path before its usual ones."""

    def __init__(self, limits: dict[tuple[str, str], list[Response]], *states: Response) -> None:
        super().__init__(states or (REPORT_COMPLETED,))
        self.limits = limits

    @override
    def respond(self, request: Request) -> Response:
        if left := self.limits.get((request.method, request.path)):
            self.requests.append(request)
            return left.pop(0)
        return super().respond(request)


def run(api: FakeApi) -> Result:
    return CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])


def limit_messages(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith(REACHED)]


@pytest.mark.parametrize(
    "place", [("POST", "/reports"), ("GET", REPORTS.job)], ids=["while submitting", "while watching"]
)
def test_a_command_goes_on_after_the_limit(place: tuple[str, str]) -> None:
    with LimitedApi({place: [limited(0), limited(0)]}, report_state(4, 1), REPORT_COMPLETED) as api:
        result = run(api)

    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert limit_messages(result) == [f"{REACHED}; going on in 0.1 s"]
    assert len(api.received(*place)) >= 3


def test_a_second_wait_is_shown_only_if_it_is_longer() -> None:
    with LimitedApi({("GET", REPORTS.job): [limited(0), limited(1), limited(0)]}) as api:
        result = run(api)

    assert limit_messages(result) == [f"{REACHED}; going on in {seconds} s" for seconds in ("0.1", "1")]


async def test_the_wait_is_as_long_as_the_server_says() -> None:
    waits: list[float] = []

    async def wait_for_limit(limit: TooManyRequestsError) -> None:
        waits.append(limit.wait_s)

    with LimitedApi({("GET", REPORTS.job): [limited(3_600), limited(7)]}) as api:
        async with ApiClient(api.url, REPORT, wait_for_limit) as client:
            snapshot = await client.get(JOB_ID)

    assert (snapshot.state.outcome, waits) == ("succeeded", [3_600.0, 7.0])


def test_a_signal_ends_the_wait_before_a_job_is_submitted() -> None:
    with LimitedApi({("POST", "/reports"): [limited(3_600)]}) as api:
        process = start(api)
        until(lambda: api.received("POST", "/reports"))
        process.send_signal(signal.SIGINT)
        ended = end(process)

    assert ended.status == 130
    assert ended.err.splitlines()[-1] == "Stopped before the report was asked for."
    assert len(api.received("POST", "/reports")) == 1


def test_cancelling_waits_for_the_limit() -> None:
    cancel = f"{REPORTS.job}/cancel"
    with LimitedApi({("POST", cancel): [limited(0)]}, report_state(4, 1)) as api:
        process = start(api)
        until(lambda: len(api.received("GET", REPORTS.job)) > 1)
        process.send_signal(signal.SIGINT)
        ended = end(process)

    assert ended.status == 130
    assert ended.err.splitlines()[-3:-1] == [
        f"{REACHED}; going on in 0.1 s",
        "cancelled; 1 of 3 sections were finished",
    ]
    assert len(api.received("POST", cancel)) == 2


async def test_a_limited_stream_is_an_error_with_the_wait() -> None:
    with LimitedApi({("GET", EVENTS): [limited(7)]}) as api:
        async with ApiClient(api.url, REPORT) as client:
            with pytest.raises(TooManyRequestsError, match=REACHED) as limit:
                _ = [event async for event in client.events(JOB_ID, "4")]

    assert limit.value.wait_s == 7.0


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}])
def test_a_limit_without_seconds_is_an_error(headers: dict[str, str]) -> None:
    with LimitedApi({("POST", "/reports"): [problem(429, "Slow down.", headers)]}) as api:
        result = run(api)

    assert (result.exit_code, result.stderr) == (1, "Error: Slow down\n")
