import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aether.cli.commands.main import aether
from aether.cli.kinds import KINDS


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(aether, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "command", [*(kind.command.name for kind in KINDS.values()), "watch", "serve", "api", "worker", "check", "keys"]
)
def test_every_command_has_a_help_text(command: str) -> None:
    code, out = run(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: aether {command} ")
    assert command in run("--help")[1]


@pytest.mark.parametrize("arguments", [("--version",), ("worker", "--help")])
def test_a_worker_loads_neither_the_kinds_nor_the_client(arguments: tuple[str, ...]) -> None:
    script = f"""
import sys
from aether.cli.commands.main import aether
aether({arguments!r}, standalone_mode=False)
print(*sys.modules)
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "aether.cli.kinds" in loaded
    assert not {"aether.cli.kinds.report", "aether.cli.client.api_client", "aether.api", "httpx2"} & set(loaded)


def test_the_version_is_printed() -> None:
    assert run("--version") == (0, "aether, version 0.1.0\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("report",),
        ("report", "Rome", "Carthage"),
        ("report", "Rome", "--sections", "0"),
        ("report", "Rome", "--sections", "21"),
        ("report", "Rome", "--length", "endless"),
        ("report", "Rome", "--output", "."),
        ("checklist",),
        ("checklist", "no-such-file.txt"),
        ("image", "Rome"),
        ("image", "Rome", "-o", "rome.png", "--count", "0"),
        ("image", "Rome", "-o", "rome.png", "--count", "5"),
        ("image", "Rome", "-o", "."),
        ("watch",),
        ("watch", "../health/live"),
        ("watch", "0b8e8a3e-2f58-4a5c-9d0b-6f4f6f1f8f11", "-o", "."),
        ("keys", "create"),
        ("keys", "create", "a b"),
        ("keys", "revoke"),
        ("keys", "rotate", "ci", "--overlap", "-1h"),
    ],
)
def test_wrong_usage_is_an_error_before_anything_happens(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, out = run(*arguments, "--data-dir", str(tmp_path / "data"))
    assert code == 2
    assert "Error: " in out
    assert not (tmp_path / "data").exists()
