"""Variables that look like settings are named, with the setting that was meant, and never with their value."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aether.cli.commands.main import aether
from aether.settings import Settings

ROOT = Path(__file__).parents[2]
SECRET = "sk-very-secret"
MEANT = {
    "AETHER_MODLE": "AETHER_MODEL",
    "AETHER_MODEL_NAME": "AETHER_MODEL",
    "aether_model": "AETHER_MODEL",
    "Aether_Port": "AETHER_PORT",
    "AETHER_REDIS_URL": "REDIS_URL",
    "AETHER_OPENAI_API_KEY": "OPENAI_API_KEY",
    "AETHER_OPENAI_BASE_URL": "OPENAI_BASE_URL",
    "AETHER_BASE_URL": "OPENAI_BASE_URL",
    "AETHER_KEY": "AETHER_API_KEY",
    "AETHER_CORS": "AETHER_CORS_ORIGINS",
    "AETHER_LOGLEVEL": "AETHER_LOG_LEVEL",
    "AETHER_TRUSTED_PROXY": "AETHER_TRUSTED_PROXIES",
    "AETHER_MODEL_READ_TIMEOUT_S": "AETHER_MODEL_READ_TIMEOUT",
    "AETHER_XYZ": None,
    "AETHER_": None,
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_BASEURL": "OPENAI_BASE_URL",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_MODEL": "AETHER_MODEL",
    "REDIS_URI": "REDIS_URL",
}
OF_OTHERS = {
    "PATH": "/bin",
    "REDIS_HOST": "localhost",
    "OPENAI_ORG_ID": "org-1",
    "OPENAI_PROJECT_ID": "proj-1",
    "OPENAI_ADMIN_KEY": "sk-admin",
    "OPENAI_LOG": "info",
    "AETHER_SERVICE_HOST": "10.0.0.1",
    "AETHER_SERVICE_PORT_HTTP": "8000",
    "AETHER_API_PORT": "tcp://10.0.0.1:8000",
    "AETHER_API_PORT_8000_TCP_ADDR": "10.0.0.1",
    "AETHER_EMPTY": "",
}


@pytest.mark.parametrize(("name", "meant"), MEANT.items())
def test_the_nearest_setting_is_named(name: str, meant: str | None) -> None:
    (unknown,) = Settings.unknown_variables({name: SECRET, "PATH": "/bin"})

    assert (unknown.name, unknown.nearest) == (name, meant)
    assert str(unknown).startswith(f"{name} is not a setting. ")
    assert SECRET not in str(unknown)


@pytest.mark.parametrize("name", Settings.__struct_encode_fields__)
def test_a_setting_without_one_of_its_letters_is_taken_for_it(name: str) -> None:
    for position in range(len("AETHER_"), len(name)):
        misspelt = name[:position] + name[position + 1 :]
        if misspelt not in Settings.__struct_encode_fields__:
            assert [each.nearest for each in Settings.unknown_variables({misspelt: "1"})] == [name], misspelt


def test_what_is_a_setting_or_for_another_program_is_not_named() -> None:
    settings = dict.fromkeys(Settings.__struct_encode_fields__, "1")

    assert Settings.unknown_variables(OF_OTHERS | settings) == ()
    assert Settings.unknown_variables(OF_OTHERS) == ()


def test_a_name_that_other_programs_read_is_not_named_beside_the_setting() -> None:
    given = {
        "OPENAI_API_BASE": "http://a.test",
        "OPENAI_BASE_URL": "http://a.test",
        "OPENAI_KEY": "1",
        "OPENAI_API_KEY": "1",
    }

    assert Settings.unknown_variables(given) == ()


def test_a_command_warns_on_stderr(tmp_path: Path) -> None:
    environment = {
        "AETHER_MODLE": SECRET,
        "AETHER_DATA_DIR": str(tmp_path),
        "REDIS_URL": "",
        "AETHER_API_KEY": "two words",
    }
    result = CliRunner(env=environment).invoke(aether, ["report", "Rome"])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == "Warning: AETHER_MODLE is not a setting. Did you mean AETHER_MODEL?"
    assert SECRET not in result.stderr


@pytest.mark.parametrize("command", [["-m", "aether", "api"], ["-m", "aether", "worker"], ["-m", "aether", "serve"]])
def test_a_service_logs_the_warning(tmp_path: Path, command: list[str]) -> None:
    # Settings with which none of them can start.
    environment = {
        "PATH": "/bin",
        "AETHER_MODLE": SECRET,
        "REDIS_URL": "none",
        "AETHER_DATA_DIR": str(tmp_path / "file" / "folder"),
        "AETHER_PORT": "0",
    }
    tmp_path.joinpath("file").touch()
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)

    line = next(json.loads(line) for line in done.stderr.splitlines() if line.startswith("{"))
    assert (line["event"], line["level"]) == ("settings.unknown", "warning")
    assert (line["setting"], line["nearest"]) == ("AETHER_MODLE", "AETHER_MODEL")
    assert SECRET not in done.stderr


def test_child_processes_do_not_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AETHER_MODLE": "x", "AETHER_MODEL": "m", "HOME": "/root", "OPENAI_KEY": "k"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    environment = Settings.from_env().child_environment()

    assert (environment["AETHER_MODEL"], environment["HOME"]) == ("m", "/root")
    assert not {"AETHER_MODLE", "OPENAI_KEY"} & environment.keys()
