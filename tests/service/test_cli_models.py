"""A command says which model is used, and which of its settings are not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aether.cli.local.discovery import ServerAddress
from aether.cli.local.server_settings import fingerprints, notes_on_shared
from aether.settings import Secret, Settings
from tests.scripted_model import ScriptedModel, Setup
from tests.service.fake_api import REPORT_COMPLETED, FakeApi
from tests.waiting import until

KEY = "sk-zq7-a-key-that-must-not-show-anywhere"


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Setup(sections=1)) as model:
        yield model


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
    inherited.pop("REDIS_URL", None)
    return inherited | {
        "AETHER_DATA_DIR": str(tmp_path_factory.mktemp("models") / "home"),
        "AETHER_SHUTDOWN_GRACE": "0.5",
        "AETHER_MODEL": "large",
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": KEY,
    }


@pytest.fixture(scope="module")
def service(environment: dict[str, str]) -> Iterator[ServerAddress]:
    with serving(environment | {"AETHER_MODELS": "large,small"}) as address:
        yield address


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[ServerAddress]:
    """Run `aether serve`, and yield what it says of itself."""
    file = Path(environment["AETHER_DATA_DIR"]) / "server.json"
    command = [sys.executable, "-m", "aether", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: file.exists() or process.poll() is not None)
            found = json.loads(file.read_text())
            yield ServerAddress(found["url"], found["pid"], Secret(found["key"]), found["models"], found["settings"])
        finally:
            process.terminate()
            process.wait(15)


def report(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aether", "report", "Rome", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_file_of_a_server_names_its_models_and_holds_no_setting_that_can_be_read(
    service: ServerAddress, environment: dict[str, str]
) -> None:
    text = Path(environment["AETHER_DATA_DIR"], "server.json").read_text()

    assert service.models == {"AETHER_MODEL": "large"}
    assert not [
        value for value in (KEY, environment["OPENAI_BASE_URL"], "0.5") if value in text.replace(service.url, "")
    ]


def test_with_the_same_settings_only_the_model_is_named(service: ServerAddress, environment: dict[str, str]) -> None:
    written = report(environment)

    assert written.returncode == 0, written.stderr
    accepted, model, *_ = written.stderr.splitlines()
    assert accepted.startswith(f"accepted: {service.url}/reports/")
    assert model == "model: large"


@pytest.mark.parametrize(
    ("changed", "unused"),
    [
        ({"AETHER_MODEL": "small"}, "AETHER_MODEL"),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, "OPENAI_BASE_URL"),
        ({"OPENAI_API_KEY": "sk-another-key"}, "OPENAI_API_KEY"),
        ({"AETHER_MODEL_OPTIONS": '{"temperature": 0}'}, "AETHER_MODEL_OPTIONS"),
        ({"AETHER_STEP_ATTEMPTS": "17", "AETHER_IMAGE_MODEL": "painter"}, "AETHER_IMAGE_MODEL, AETHER_STEP_ATTEMPTS"),
        ({"REDIS_URL": "redis://localhost:1/0"}, "REDIS_URL"),
    ],
)
def test_settings_that_the_running_server_does_not_use_are_named(
    service: ServerAddress, environment: dict[str, str], changed: dict[str, str], unused: str
) -> None:
    written = report(environment | changed)

    assert written.returncode == 0, written.stderr
    note, accepted, model, *_ = written.stderr.splitlines()
    assert note == f"{service.url} has settings of its own; not used: {unused}"
    assert (accepted.partition(": ")[0], model) == ("accepted", "model: large")
    assert not [value for value in changed.values() if value in note.removeprefix(service.url)]


def test_settings_of_the_command_and_equal_values_are_not_named(
    service: ServerAddress, environment: dict[str, str]
) -> None:
    same = {"AETHER_SHUTDOWN_GRACE": "0.50", "AETHER_LOG_LEVEL": "debug", "AETHER_PORT": "1", "AETHER_JOB_TTL": "86400"}

    assert report(environment | same).stderr.startswith(f"accepted: {service.url}")


def test_a_model_that_the_request_names_is_said(service: ServerAddress, environment: dict[str, str]) -> None:
    assert service.url in (written := report(environment, "--model", "small")).stderr
    assert written.stderr.splitlines()[1] == "model: small"


def test_a_model_that_is_not_offered_fails_with_a_sentence(
    service: ServerAddress, environment: dict[str, str], model: ScriptedModel
) -> None:
    model.reset()

    refused = report(environment, "--model", "nosuch")

    assert service.url in refused.stderr
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "There is no model nosuch here. Choose large or small, or name none." in refused.stderr
    assert model.calls() == []


def test_a_server_elsewhere_does_not_use_the_models_of_the_caller(environment: dict[str, str]) -> None:
    with FakeApi([REPORT_COMPLETED]) as api:
        note, accepted, *_ = report(
            environment | {"AETHER_LOCAL_MODEL": "a.gguf"}, "--url", api.url
        ).stderr.splitlines()

    assert note == f"{api.url} has settings of its own; not used: AETHER_LOCAL_MODEL, AETHER_MODEL"
    assert accepted.startswith("accepted: ")


def test_of_an_older_server_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHER_MODEL", "small")
    settings = Settings.from_env()

    assert notes_on_shared(ServerAddress("http://a.test", 1, Secret("k")), settings) == ()
    assert notes_on_shared(ServerAddress("http://a.test", 1, None, {}, {"AETHER_MODEL": "x"}), settings) == ()


def test_a_fingerprint_depends_on_the_key_the_name_and_the_value() -> None:
    settings, others = Settings(model="a", models="a"), Settings(model="b", models="a")
    prints = fingerprints(settings, Secret("k"))

    assert prints == fingerprints(settings, Secret("k"))
    assert prints["AETHER_MODEL"] != fingerprints(settings, Secret("l"))["AETHER_MODEL"]
    assert prints["AETHER_MODEL"] != fingerprints(others, Secret("k"))["AETHER_MODEL"]
    assert prints["AETHER_MODEL"] != prints["AETHER_MODELS"]


def test_the_local_model_is_named_and_writes_under_no_other_name(environment: dict[str, str], tmp_path: Path) -> None:
    local = {name: value for name, value in environment.items() if not name.startswith("OPENAI_")}
    local["AETHER_DATA_DIR"] = str(tmp_path)

    refused = report(local, "--model", "nosuch")

    starting, note, accepted, model, *_ = refused.stderr.splitlines()
    assert starting.startswith("starting a private server")
    assert note == "not used: AETHER_MODEL, as neither OPENAI_BASE_URL nor OPENAI_API_KEY is set"
    assert (accepted.partition(": ")[0], model) == ("accepted", "model: nosuch")
    assert refused.returncode == 1
    assert "There is no model nosuch here. Choose SmolLM2" in refused.stderr
    assert '"settings.unused"' in (tmp_path / "server.log").read_text()
