"""Credentials of the commands: which key is sent, and the errors for a key that is refused."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.commands.main import aether
from tests.service.fake_api import (
    GENERATIONS,
    JOB_ID,
    REPORT_COMPLETED,
    REPORTS,
    FakeApi,
    Response,
    Send,
    event,
    image_file,
    image_url,
    problem,
    report_state,
)
from tests.service.test_cli_report import DOCUMENT

KEY = "aether_7hq2mzk4t5ca_configured"
LENT = "aether-local_lent"
REFUSED = problem(401, "The key was revoked.")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AETHER_API_KEY", raising=False)


def report(api: FakeApi, key: str | None = KEY) -> Result:
    return CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["report", "Rome", "--url", api.url])


def report_at(data_dir: Path, api: FakeApi, key: str | None = None) -> Result:
    """Make a report with the server of a data directory, which lends a key."""
    data_dir.joinpath("server.json").write_text(json.dumps({"url": api.url, "pid": os.getpid(), "key": LENT}))
    return CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["report", "Rome", "--data-dir", str(data_dir)])


def keys_sent(api: FakeApi) -> set[str | None]:
    return {request.authorization for request in api.requests if request.path != "/health/live"}


def test_the_key_is_sent_with_every_request() -> None:
    with FakeApi([report_state(4, 2)]) as api:

        def ending(send: Send) -> None:
            api.states[:] = [REPORT_COMPLETED]
            send(event("completed", REPORT_COMPLETED.body, 9))

        api.streams = [ending]
        result = report(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert {request.path for request in api.requests} == {REPORTS.path, REPORTS.job, f"{REPORTS.job}/events"}
    assert keys_sent(api) == {f"Bearer {KEY}"}


def test_without_a_key_none_is_sent() -> None:
    with FakeApi() as api:
        assert report(api, None).exit_code == 0
    assert keys_sent(api) == {None}


def test_the_key_is_sent_to_the_server_only_and_not_to_an_image_host(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with FakeApi(resource=GENERATIONS) as elsewhere, FakeApi(resource=GENERATIONS) as api:
        elsewhere.files = {"/bucket/0": image_file("image/png", b"0")}
        api.files = {image_url(1): image_file("image/png", b"1")}
        urls = [f"{elsewhere.url}/bucket/0", f"{api.url}{image_url(1)}"]
        api.states = [Response(200, {"status": "COMPLETE", "images": urls, "attempts": []})]
        arguments = ["image", "A lighthouse", "-o", str(target), "--url", api.url]
        result = CliRunner(env={"AETHER_API_KEY": KEY}).invoke(aether, arguments)
    assert result.exit_code == 0, result.stderr
    assert (keys_sent(elsewhere), keys_sent(api)) == ({None}, {f"Bearer {KEY}"})


def test_a_local_server_lends_its_key(tmp_path: Path) -> None:
    with FakeApi() as api:
        assert report_at(tmp_path, api).stdout == DOCUMENT
    assert keys_sent(api) == {f"Bearer {LENT}"}


def test_a_configured_key_wins_over_a_lent_one(tmp_path: Path) -> None:
    with FakeApi() as api:
        assert report_at(tmp_path, api, KEY).stdout == DOCUMENT
    assert keys_sent(api) == {f"Bearer {KEY}"}


def test_a_lent_key_that_is_refused_is_read_again(tmp_path: Path) -> None:
    """The server was restarted on the same port."""
    with FakeApi(
        [report_state(4, 2), problem(401, "The key was lent by a server that has ended."), REPORT_COMPLETED]
    ) as api:
        result = report_at(tmp_path, api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert f"{api.url} does not take its own key; trying again for up to 60 s\nThe server is back.\n" in result.stderr


@pytest.mark.parametrize(
    ("key", "response", "message"),
    [
        (None, problem(401, "Send a key."), " asks who calls. Set AETHER_API_KEY to a key for it.\n  Send a key."),
        (KEY, REFUSED, " does not take the key in AETHER_API_KEY.\n  The key was revoked."),
        (KEY, problem(403, "It takes write."), " does not let the key in AETHER_API_KEY do this.\n  It takes write."),
    ],
)
def test_a_refused_key_is_an_error_that_names_the_setting(key: str | None, response: Response, message: str) -> None:
    with FakeApi(on_submit=response) as api:
        result = report(api, key)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {api.url}{message}\n"
    assert len(api.requests) == 1


def test_a_key_that_is_revoked_while_the_job_runs_is_an_error() -> None:
    with FakeApi([report_state(4, 2), REFUSED]) as api:
        api.streams = [lambda send: send(event("steps", {"steps": []}, 5))]
        result = report(api)
    assert result.exit_code == 2
    assert result.stderr.endswith("does not take the key in AETHER_API_KEY.\n  The key was revoked.\n")


@pytest.mark.parametrize("key", ["two words", "a line\n", "naïve", "="])
def test_a_malformed_key_is_refused_without_being_shown(key: str) -> None:
    with FakeApi() as api:
        results = [report(api, key), CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["watch", JOB_ID])]
    assert [result.exit_code for result in results] == [2, 2]
    message = "Error: AETHER_API_KEY: Expected a key alone, without spaces or line breaks.\n"
    assert [result.stderr for result in results] == [message] * 2
    assert api.requests == []
