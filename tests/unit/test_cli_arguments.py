import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from aether.cli.commands.main import aether
from aether.errors import ConfigurationError
from aether.server.server import listening, url_of
from aether.settings import Settings


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(aether, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("command", ["report", "checklist", "image", "watch", "serve", "api", "worker", "keys"])
def test_every_command_explains_itself(command: str) -> None:
    code, out = run(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: aether {command} ")
    assert command in run("--help")[1]


def test_the_version_is_told() -> None:
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
def test_wrong_usage_is_told_before_anything_happens(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, out = run(*arguments, "--data-dir", str(tmp_path / "home"))
    assert code == 2
    assert "Error: " in out
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_may_always_connect(host: str) -> None:
    with listening(Settings(host=host, port=0)) as door:
        door.listen()
        with socket.create_connection(door.getsockname()[:2], 5):
            pass


def test_whoever_listens_everywhere_is_reached_by_this_machine_at_its_own_address() -> None:
    with listening(Settings(host="0.0.0.0", port=0)) as door:  # noqa: S104 - what this is about
        assert url_of(door) == f"http://127.0.0.1:{door.getsockname()[1]}"


def test_an_unknown_host_is_a_configuration_error() -> None:
    refused = pytest.raises(ConfigurationError, match=r"Cannot listen on 256\.0\.0\.1")
    with refused, listening(Settings(host="256.0.0.1")):
        pass


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1, port {port}")
        with refused, listening(Settings(port=port)):
            pass
