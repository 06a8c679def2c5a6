"""Job session: a request is sent again only if its response was lost, with the same idempotency key."""

import asyncio
import io
import re

import pytest
from click.testing import CliRunner, Result

from aether.cli.client.errors import ServerUnavailableError
from aether.cli.client.job_session import JobSession, NotCancelledError
from aether.cli.client.server_connection import RemoteServer
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT
from aether.cli.kinds.report_state import ReportState
from aether.cli.local.signals import StopSignal
from aether.cli.output.progress import LineDisplay
from tests.service.fake_api import JOB_ID, FakeApi

REQUEST = {"topic": "Rome"}


def run(api: FakeApi) -> Result:
    return CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])


def sent_keys(api: FakeApi) -> list[str]:
    return [request.idempotency_key or "" for request in api.received("POST", "/reports")]


def session(api: FakeApi, stop: StopSignal, timeout_s: float) -> JobSession[ReportState]:
    return JobSession(REPORT, RemoteServer(api.url), LineDisplay(io.StringIO()), stop, timeout_s)


def test_every_job_has_its_own_idempotency_key() -> None:
    with FakeApi() as api:
        results = [run(api), run(api)]

    assert [result.exit_code for result in results] == [0, 0]
    assert len(set(sent_keys(api))) == 2
    assert all(re.fullmatch(r'"[0-9a-f-]{36}"', key) for key in sent_keys(api))


def test_a_request_whose_response_was_lost_is_sent_again_with_the_same_key() -> None:
    with FakeApi() as api:
        api.lost_responses = 2
        result = run(api)

    assert result.exit_code == 0
    assert f"accepted: {api.url}/reports/{JOB_ID}" in result.stderr.splitlines()
    assert [request.body for request in api.received("POST", "/reports")] == [REQUEST] * 3
    assert len(set(sent_keys(api))) == 1


async def test_requests_are_retried_for_a_limited_time() -> None:
    with FakeApi() as api:
        api.lost_responses = 1_000
        with pytest.raises(ServerUnavailableError):
            await session(api, StopSignal(), 0.1).run(REQUEST)

    assert len(sent_keys(api)) > 1


async def test_an_interrupt_while_the_response_is_lost_says_that_the_job_may_go_on() -> None:
    stop = StopSignal()
    with FakeApi() as api:
        api.lost_responses = 1_000
        running = asyncio.ensure_future(session(api, stop, 60.0).run(REQUEST))
        while len(sent_keys(api)) < 2:  # noqa: ASYNC110 - the server is a thread
            await asyncio.sleep(0.01)
        stop.requested.set()
        with pytest.raises(NotCancelledError, match="may go on being made: the answer to the request was lost"):
            await running
