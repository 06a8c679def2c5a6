"""What is not installed is named with the command that installs it, whatever installed the rest."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from aether import __version__
from aether.installation import DISTRIBUTION, extra_hint, install_command, required_by

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
INSTALLERS = "pip install|pipx install|pipx run|uv add|uv tool install|uv pip install|uvx"


def test_the_distribution_is_the_projects() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    assert PROJECT["scripts"].keys() == {"aether"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extras_packages_are_those_that_it_declares(extra: str) -> None:
    packages = [re.split(r"[<>=\[]", package)[0] for package in EXTRAS[extra]]

    assert [re.split(r"[<>=\[]", package)[0] for package in required_by(extra)] == packages


def test_an_unknown_extra_and_an_unknown_distribution_need_nothing() -> None:
    assert required_by("no-such-extra") == required_by("jwt", "no-such-distribution") == ()
    assert extra_hint("no-such-extra") == f"Install {DISTRIBUTION} with the extra `no-such-extra`."


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_hint_names_the_extra_and_a_command_that_a_shell_reads(extra: str) -> None:
    hint, _, command = extra_hint(extra).partition(": ")

    assert hint == f"Install the extra `{extra}`"
    assert shlex.split(command) == [sys.executable, "-m", "pip", "install", *required_by(extra)]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("pipx_metadata.json", ["pipx", "runpip", "aether-reports", "install", "--no-deps", "a>=1"]),
        ("uv-receipt.toml", ["uv", "pip", "install", "--python", sys.executable, "--no-deps", "a>=1"]),
        ("pyvenv.cfg", [sys.executable, "-m", "pip", "install", "--no-deps", "a>=1"]),
    ],
)
def test_the_command_is_that_of_the_tool_that_made_the_environment(
    tmp_path: Path, file: str, expected: list[str]
) -> None:
    tmp_path.joinpath(file).touch()

    assert shlex.split(install_command(["a>=1"], ["--no-deps"], str(tmp_path))) == expected


def test_an_environment_without_pip_is_uvs(tmp_path: Path) -> None:
    """Environments that uv makes have none; here the interpreter finds only Aether itself."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from aether.installation import *; print(install_command(['a']))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT / "src")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)

    assert done.stdout.split()[:4] == ["uv", "pip", "install", "--python"]


def test_no_text_installs_the_package_of_somebody_else() -> None:
    """In package indexes, `aether` is another project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    ours = (ROOT / name for name in listed.split("\0") if name and not name.endswith((".js", ".lock")))
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in ours if path.is_file()}
    installs = re.compile(rf"\baether\[\w|\b(?:{INSTALLERS})\b[^\n`]*['\" ]aether(?:['\"` ]|$)", re.MULTILINE)

    assert [f"{path}: {found[0]}" for path, text in texts.items() if (found := installs.search(text))] == []
