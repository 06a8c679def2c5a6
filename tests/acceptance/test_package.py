"""The wheel is built, and installed from an index into an environment of its own, as a user does; needs network."""

import re
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    bin_folder = Path(sys.prefix) / "bin"
    build = [bin_folder / "uv", "build", "--wheel", "--no-build-isolation", "--python", bin_folder / "python"]
    run(*build, "--out-dir", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and all its extras, for which nothing was compiled."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    run(folder / "bin/pip", "install", "-q", "--only-binary", ":all:", f"{wheel}[{','.join(EXTRAS)}]", cwd=folder)
    return folder


def run(*command: object, cwd: Path, status: int = 0) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == status, done.stdout[-5_000:]
    return done.stdout


def test_it_writes_a_report_once_the_command_of_the_error_has_added_a_model(environment: Path) -> None:
    report = [environment / "bin/aether", "report", "Rome", "--sections", "1", "--data-dir", environment / "home"]

    refused = run(*report, cwd=environment, status=2)
    told = run(environment / "bin/aether", "check", cwd=environment, status=2)
    assert told.removeprefix("Error: ") in refused
    advice = re.search(
        r"There is no model to write with\. Set OPENAI_API_KEY.*, or install a small local model: (.+)$",
        refused,
        re.MULTILINE,
    )
    assert advice
    run(*shlex.split(advice[1]), "-q", "--only-binary", ":all:", cwd=environment)

    assert re.search(r"^# Rome\n\n## I\. ", run(*report, cwd=environment), re.MULTILINE)


def test_a_tool_environment_of_uv_has_the_command(wheel: Path, tmp_path: Path) -> None:
    """As `uv tool install` and pipx put it on the PATH."""
    uv = Path(sys.prefix) / "bin/uv"
    folders = {"UV_TOOL_DIR": tmp_path / "tools", "UV_TOOL_BIN_DIR": tmp_path / "bin"}
    environment = [f"{name}={folder}" for name, folder in folders.items()]
    # uv brings certificates of its own, without those of a proxy that the machine trusts.
    install = [uv, "tool", "install", "-q", "--no-build", "--system-certs", "--python", sys.executable]
    install.append(f"{wheel}[embedded]")
    run("env", *environment, *install, cwd=tmp_path)

    assert run(tmp_path / "bin/aether", "--version", cwd=tmp_path).startswith("aether, version ")
    refused = run(tmp_path / "bin/aether", "report", "Rome", "--data-dir", tmp_path / "home", cwd=tmp_path, status=2)
    assert f"uv pip install --python {tmp_path}/tools/aether-reports/bin/python" in refused
