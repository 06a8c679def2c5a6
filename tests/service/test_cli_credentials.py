"""With which key the commands call, and what they say when it opens nothing."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.commands.main import aether
from tests.service.cli_api import (
    COMPLETED,
    GENERATIONS,
    JOB_ID,
    REPORTS,
    Answer,
    FakeApi,
    Tell,
    event,
    image_url,
    picture,
    problem,
    state,
)
from tests.service.test_cli_report import DOCUMENT

KEY = "aether_7hq2mzk4t5ca_given"
LENT = "aether-local_lent"
REFUSED = problem(401, "The key was revoked.")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AETHER_API_KEY", raising=False)


def report(api: FakeApi, key: str | None = KEY) -> Result:
    return CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["report", "Rome", "--url", api.url])


def report_at(home: Path, api: FakeApi, key: str | None = None) -> Result:
    """By the server of a data directory, which lends a key."""
    home.joinpath("server.json").write_text(json.dumps({"url": api.url, "pid": os.getpid(), "key": LENT}))
    return CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["report", "Rome", "--data-dir", str(home)])


def keys_sent(api: FakeApi) -> set[str | None]:
    return {asked.authorization for asked in api.asked if asked.path != "/health/live"}


def test_the_key_is_sent_with_every_request() -> None:
    with FakeApi([state(4, 2)]) as api:

        def ending(tell: Tell) -> None:
            api.states[:] = [COMPLETED]
            tell(event("completed", COMPLETED.body, 9))

        api.streams = [ending]
        result = report(api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert {asked.path for asked in api.asked} == {REPORTS.path, REPORTS.job, f"{REPORTS.job}/events"}
    assert keys_sent(api) == {f"Bearer {KEY}"}


def test_without_a_key_none_is_sent() -> None:
    with FakeApi() as api:
        assert report(api, None).exit_code == 0
    assert keys_sent(api) == {None}


def test_the_key_is_for_the_server_alone_and_not_for_where_images_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with FakeApi(of=GENERATIONS) as elsewhere, FakeApi(of=GENERATIONS) as api:
        elsewhere.pictures = {"/bucket/0": picture("image/png", b"0")}
        api.pictures = {image_url(1): picture("image/png", b"1")}
        urls = [f"{elsewhere.url}/bucket/0", f"{api.url}{image_url(1)}"]
        api.states = [Answer(200, {"status": "COMPLETE", "images": urls, "attempts": []})]
        arguments = ["image", "A lighthouse", "-o", str(target), "--url", api.url]
        result = CliRunner(env={"AETHER_API_KEY": KEY}).invoke(aether, arguments)
    assert result.exit_code == 0, result.stderr
    assert (keys_sent(elsewhere), keys_sent(api)) == ({None}, {f"Bearer {KEY}"})


def test_a_server_of_the_data_directory_lends_its_key(tmp_path: Path) -> None:
    with FakeApi() as api:
        assert report_at(tmp_path, api).stdout == DOCUMENT
    assert keys_sent(api) == {f"Bearer {LENT}"}


def test_a_key_that_is_given_wins_over_one_that_is_lent(tmp_path: Path) -> None:
    with FakeApi() as api:
        assert report_at(tmp_path, api, KEY).stdout == DOCUMENT
    assert keys_sent(api) == {f"Bearer {KEY}"}


def test_a_lent_key_that_is_not_taken_is_asked_for_again(tmp_path: Path) -> None:
    """As when the server was started again at once and on the same port."""
    with FakeApi([state(4, 2), problem(401, "The key was lent by a server that has ended."), COMPLETED]) as api:
        result = report_at(tmp_path, api)
    assert (result.exit_code, result.stdout) == (0, DOCUMENT)
    assert f"{api.url} does not take its own key; trying again for up to 60 s\nThe server is back.\n" in result.stderr


@pytest.mark.parametrize(
    ("key", "answer", "told"),
    [
        (None, problem(401, "Send a key."), " asks who calls. Set AETHER_API_KEY to a key for it.\n  Send a key."),
        (KEY, REFUSED, " does not take the key in AETHER_API_KEY.\n  The key was revoked."),
        (KEY, problem(403, "It takes write."), " does not let the key in AETHER_API_KEY do this.\n  It takes write."),
    ],
)
def test_who_is_not_let_in_hears_which_setting_it_is(key: str | None, answer: Answer, told: str) -> None:
    with FakeApi(accept=answer) as api:
        result = report(api, key)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {api.url}{told}\n"
    assert len(api.asked) == 1


def test_who_is_not_let_in_any_more_is_told_while_the_job_is_made() -> None:
    with FakeApi([state(4, 2), REFUSED]) as api:
        api.streams = [lambda tell: tell(event("steps", {"steps": []}, 5))]
        result = report(api)
    assert result.exit_code == 2
    assert result.stderr.endswith("does not take the key in AETHER_API_KEY.\n  The key was revoked.\n")


@pytest.mark.parametrize("key", ["two words", "a line\n", "naïve", "="])
def test_what_cannot_be_a_key_is_refused_without_being_shown(key: str) -> None:
    with FakeApi() as api:
        results = [report(api, key), CliRunner(env={"AETHER_API_KEY": key}).invoke(aether, ["watch", JOB_ID])]
    assert [result.exit_code for result in results] == [2, 2]
    told = "Error: AETHER_API_KEY: Expected a key alone, without spaces or line breaks.\n"
    assert [result.stderr for result in results] == [told] * 2
    assert api.asked == []
