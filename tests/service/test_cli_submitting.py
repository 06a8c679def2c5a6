"""How the commands ask for a job: again only where the answer was lost, and always for the same one."""

import asyncio
import io
import re

import pytest
from click.testing import CliRunner, Result

from aether.cli.client.errors import ServerUnavailableError
from aether.cli.client.job_session import JobSession, NotCancelledError
from aether.cli.client.server_connection import RemoteServer
from aether.cli.commands.main import aether
from aether.cli.kinds.report import REPORT, ReportState
from aether.cli.local.signals import StopSignal
from aether.cli.output.progress import LineDisplay
from tests.service.cli_api import JOB_ID, FakeApi

ASKED = {"topic": "Rome"}


def run(api: FakeApi) -> Result:
    return CliRunner().invoke(aether, ["report", "Rome", "--url", api.url])


def keys_sent(api: FakeApi) -> list[str]:
    return [asked.idempotency_key or "" for asked in api.sent("POST", "/reports")]


def making(api: FakeApi, stop: StopSignal, patience_s: float) -> JobSession[ReportState]:
    return JobSession(REPORT, RemoteServer(api.url), LineDisplay(io.StringIO()), stop, patience_s)


def test_every_request_has_a_key_of_its_own() -> None:
    with FakeApi() as api:
        results = [run(api), run(api)]

    assert [result.exit_code for result in results] == [0, 0]
    assert len(set(keys_sent(api))) == 2
    assert all(re.fullmatch(r'"[0-9a-f-]{36}"', key) for key in keys_sent(api))


def test_a_request_whose_answer_was_lost_is_sent_again_under_its_key() -> None:
    with FakeApi() as api:
        api.lost = 2
        result = run(api)

    assert result.exit_code == 0
    assert f"accepted: {api.url}/reports/{JOB_ID}" in result.stderr.splitlines()
    assert [asked.body for asked in api.sent("POST", "/reports")] == [ASKED] * 3
    assert len(set(keys_sent(api))) == 1


async def test_whose_answers_are_all_lost_is_given_up() -> None:
    with FakeApi() as api:
        api.lost = 1_000
        with pytest.raises(ServerUnavailableError):
            await making(api, StopSignal(), 0.1).run(ASKED)

    assert len(keys_sent(api)) > 1


async def test_who_stops_while_the_answer_is_lost_hears_that_the_job_may_go_on() -> None:
    stop = StopSignal()
    with FakeApi() as api:
        api.lost = 1_000
        order = asyncio.ensure_future(making(api, stop, 60.0).run(ASKED))
        while len(keys_sent(api)) < 2:  # noqa: ASYNC110 - the server is a thread
            await asyncio.sleep(0.01)
        stop.requested.set()
        with pytest.raises(NotCancelledError, match="may go on being made: the answer to the request was lost"):
            await order
