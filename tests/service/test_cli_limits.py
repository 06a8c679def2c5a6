"""The commands beside a server that limits requests: they wait as it asks, say so, and go on."""

import signal

import pytest
from click.testing import CliRunner, Result
from typing_extensions import override

from aether.cli.client.api_client import ApiClient
from aether.cli.client.errors import TooManyRequestsError
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT
from tests.service.cli_api import COMPLETED, JOB_ID, REPORTS, Answer, Asked, FakeApi, problem, state
from tests.service.test_cli_report import DOCUMENT
from tests.service.test_cli_terminal import end, start, until

REACHED = "The limit of 3 requests in 6 s is reached"
EVENTS = f"{REPORTS.job}/events"


def limited(seconds: int) -> Answer:
    return problem(429, f"{REACHED}.", {"Retry-After": str(seconds)})


class LimitedApi(FakeApi):
    """Answers that the limit is reached, as often as `limits` has it for what is asked, before it answers."""

    def __init__(self, limits: dict[tuple[str, str], list[Answer]], *states: Answer) -> None:
        super().__init__(states or (COMPLETED,))
        self.limits = limits

    @override
    def answer(self, asked: Asked) -> Answer:
        if left := self.limits.get((asked.method, asked.path)):
            self.asked.append(asked)
            return left.pop(0)
        return super().answer(asked)


def run(api: FakeApi) -> Result:
    return CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])


def words(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith(REACHED)]


@pytest.mark.parametrize(
    "place", [("POST", "/reports"), ("GET", REPORTS.job)], ids=["while ordering", "while watching"]
)
def test_a_command_goes_on_after_the_wait(place: tuple[str, str]) -> None:
    with LimitedApi({place: [limited(0), limited(0)]}, state(4, 1), COMPLETED) as api:
        result = run(api)

    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert words(result) == [f"{REACHED}; going on in 0.1 s"]
    assert len(api.sent(*place)) >= 3


def test_a_wait_is_told_again_only_if_it_is_longer() -> None:
    with LimitedApi({("GET", REPORTS.job): [limited(0), limited(1), limited(0)]}) as api:
        result = run(api)

    assert words(result) == [f"{REACHED}; going on in {seconds} s" for seconds in ("0.1", "1")]


async def test_the_wait_is_as_long_as_the_server_says() -> None:
    waits: list[float] = []

    async def heed(limit: TooManyRequestsError) -> None:
        waits.append(limit.wait_s)

    with LimitedApi({("GET", REPORTS.job): [limited(3_600), limited(7)]}) as api:
        async with ApiClient(api.url, REPORT, heed) as jobs:
            look = await jobs.get(JOB_ID)

    assert (look.state.outcome, waits) == ("succeeded", [3_600.0, 7.0])


def test_a_signal_ends_the_wait_before_anything_was_ordered() -> None:
    with LimitedApi({("POST", "/reports"): [limited(3_600)]}) as api:
        process = start(api)
        until(lambda: api.sent("POST", "/reports"))
        process.send_signal(signal.SIGINT)
        ended = end(process)

    assert ended.status == 130
    assert ended.err.splitlines()[-1] == "Stopped before the report was asked for."
    assert len(api.sent("POST", "/reports")) == 1


def test_cancelling_waits_as_well() -> None:
    cancel = f"{REPORTS.job}/cancel"
    with LimitedApi({("POST", cancel): [limited(0)]}, state(4, 1)) as api:
        process = start(api)
        until(lambda: len(api.sent("GET", REPORTS.job)) > 1)
        process.send_signal(signal.SIGINT)
        ended = end(process)

    assert ended.status == 130
    assert ended.err.splitlines()[-3:-1] == [
        f"{REACHED}; going on in 0.1 s",
        "cancelled; 1 of 3 sections were finished",
    ]
    assert len(api.sent("POST", cancel)) == 2


async def test_a_stream_is_not_asked_again_before_its_time() -> None:
    with LimitedApi({("GET", EVENTS): [limited(7)]}) as api:
        async with ApiClient(api.url, REPORT) as jobs:
            with pytest.raises(TooManyRequestsError, match=REACHED) as limit:
                _ = [event async for event in jobs.events(JOB_ID, "4")]

    assert limit.value.wait_s == 7.0


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}])
def test_a_limit_without_a_time_in_seconds_is_an_error(headers: dict[str, str]) -> None:
    with LimitedApi({("POST", "/reports"): [problem(429, "Slow down.", headers)]}) as api:
        result = run(api)

    assert (result.exit_code, result.stderr) == (1, "Error: Slow down\n")
