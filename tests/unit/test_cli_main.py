from pathlib import Path

import pytest
from click.testing import CliRunner

from aether.cli.commands.main import aether
from aether.cli.kinds import KINDS


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(aether, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", [*KINDS.commands, "watch", "serve", "api", "worker", "keys"])
def test_every_command_has_a_help_text(command: str) -> None:
    code, out = run(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: aether {command} ")
    assert command in run("--help")[1]


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
