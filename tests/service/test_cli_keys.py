"""`aether keys` over a real Valkey."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
import redis
import structlog
from click.testing import CliRunner, Result

from aether.adapters.redis.keys import ACCESS_KEYS
from aether.cli.commands.main import aether
from aether.identity.api_keys import MAX_STALENESS_S
from tests.service.stack import Stack

DATABASE = 2
BEGINNING = "aether_"


class Operator:
    """Types commands of a service with a database of its own in the stack's server."""

    def __init__(self, stack: Stack) -> None:
        self.environment = {"REDIS_URL": f"{stack.valkey.url}?db={DATABASE}"}

    def keys(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(aether, ["keys", *arguments])

    def made(self, *arguments: str) -> str:
        """The id of a new key."""
        return self.keys("create", *arguments).stdout.split("_")[1]

    def listed(self) -> list[dict[str, object]]:
        keys: list[dict[str, object]] = json.loads(self.keys("list", "--json").stdout)
        return keys

    def digests(self) -> list[str]:
        """What the store has of each key in place of its text."""
        with self._redis() as client:
            fields = client.hgetall(ACCESS_KEYS)
        return [json.loads(field)["digests"][0]["sha256"] for name, field in fields.items() if name != b"version"]

    def forget(self) -> None:
        with self._redis() as client:
            client.flushdb()

    def _redis(self) -> Any:  # Any: redis-py types the answers of its two kinds of client as one
        return redis.Redis.from_url(self.environment["REDIS_URL"])


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """The command sets up a log of its own, which is no other test's."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def operator(shared_bare_stack: Stack) -> Iterator[Operator]:
    pytest_socket._remove_restrictions()
    operator = Operator(shared_bare_stack)
    yield operator
    operator.forget()


def test_the_key_is_alone_on_stdout(operator: Operator) -> None:
    result = operator.keys("create", "ci")

    assert result.exit_code == 0
    assert result.stdout.startswith(BEGINNING)
    assert len(result.stdout) == 64
    assert result.stdout[-1] == "\n"
    key_id = result.stdout.split("_")[1]
    assert result.stderr.splitlines() == [
        f"created ci ({key_id}) for the owner ci: read, write; without an end",
        "The key is shown this once: only its hash is kept.",
    ]


def test_a_key_is_made_as_it_is_ordered(operator: Operator) -> None:
    terms = ["--owner", "Ops", "--scope", "read", "--scope", "admin", "--expires", "90d", "--rate", "600/60"]

    made = json.loads(operator.keys("create", "ops", *terms, "--jobs", "50", "--json").stdout)
    secret = made.pop("key")
    (key,) = operator.listed()

    assert secret.startswith(f"{BEGINNING}{made['id']}_")
    assert made == key
    assert {name: key[name] for name in ("name", "owner", "scopes", "state", "rate", "jobs", "revokedAt")} == {
        "name": "ops",
        "owner": "Ops",
        "scopes": ["read", "admin"],
        "state": "valid",
        "rate": "600/60",
        "jobs": 50,
        "revokedAt": None,
    }
    assert str(key["expiresAt"])[:10] > str(key["createdAt"])[:10]


def test_the_list_shows_all_that_may_be_shown(operator: Operator) -> None:
    operator.made("brief", "--expires", "1s", "--jobs", "3")
    operator.keys("revoke", operator.made("ended"))
    secret = operator.keys("create", "ci", "--owner", "[red]Ops[/red] :smile:").stdout

    shown = operator.keys("list").stdout
    lines = [line.split() for line in shown.splitlines()]

    assert lines[0] == ["id", "name", "owner", "scopes", "created", "expires", "state", "quota"]
    assert [line[1] for line in lines[1:]] == ["brief", "ended", "ci"]
    assert [line[-2:] for line in lines[2:]] == [["revoked", "–"], ["valid", "–"]]
    assert lines[1][-3:] == ["expired", "3", "jobs"]
    assert "[red]Ops[/red] :smile:" in shown
    assert secret.split("_", 2)[2].strip() not in shown
    assert [line["state"] for line in operator.listed()] == ["expired", "revoked", "valid"]


def test_no_line_of_a_list_is_broken_where_no_terminal_reads_it(operator: Operator) -> None:
    operator.made("x" * 64, "--owner", "ü" * 255)

    assert len(operator.keys("list").stdout.splitlines()) == 2


def test_neither_a_secret_nor_a_hash_is_listed(operator: Operator) -> None:
    secret = operator.keys("create", "ci").stdout.strip()
    (digest,) = operator.digests()

    shown = operator.keys("list").stdout + operator.keys("list", "--json").stdout

    assert [text in shown for text in (secret, secret.split("_", 2)[2], digest)] == [False] * 3


def test_where_there_are_no_keys_the_list_says_so_beside_stdout(operator: Operator) -> None:
    result = operator.keys("list")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("There are no keys.")
    assert operator.listed() == []


def test_a_key_is_revoked_when_every_process_has_heard_of_it(operator: Operator) -> None:
    key_id = operator.made("ci")
    began = time.monotonic()

    result = operator.keys("revoke", "ci")

    assert time.monotonic() - began >= MAX_STALENESS_S
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"revoked ci ({key_id}); no process takes it any more\n"
    assert [key["state"] for key in operator.listed()] == ["revoked"]


def test_a_rotated_key_keeps_all_but_its_secret(operator: Operator) -> None:
    first = operator.keys("create", "ci", "--owner", "ada").stdout
    before = operator.listed()
    began = time.monotonic()

    result = operator.keys("rotate", "ci")

    assert time.monotonic() - began >= MAX_STALENESS_S
    assert result.stdout.split("_")[:2] == first.split("_")[:2]
    assert result.stdout != first
    assert result.stderr.splitlines()[-1].endswith("the old key is refused everywhere")
    assert operator.listed() == before


def test_with_an_overlap_the_old_key_is_valid_for_so_long(operator: Operator) -> None:
    operator.made("ci")

    made = operator.keys("rotate", "ci", "--overlap", "1h", "--json")

    assert json.loads(made.stdout)["key"].startswith(BEGINNING)
    assert "the old key is valid until 20" in made.stderr


def test_no_overlap_is_longer_than_the_key_itself(operator: Operator) -> None:
    operator.made("ci", "--expires", "1h")
    (key,) = operator.listed()

    made = operator.keys("rotate", "ci", "--overlap", "90d")

    assert f"valid until {str(key['expiresAt'])[:19].replace('T', ' ')} UTC" in made.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_key_that_could_not_be_written_can_be_had_again(operator: Operator) -> None:
    """It was made, and nobody has seen it."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aether", "keys", "create", "ci"],
            env=os.environ | operator.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
    (key,) = operator.listed()

    assert done.returncode != 0
    assert f"(No space left on device). Get another by: aether keys rotate {key['id']}\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_a_key_that_is_not_there_is_an_error(operator: Operator, command: str) -> None:
    result = operator.keys(command, "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no valid key nobody.\n"


def test_a_name_that_is_taken_is_an_error(operator: Operator) -> None:
    operator.made("ci")
    result = operator.keys("create", "ci")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is a key ci already; revoke it first, or rotate it.\n"


@pytest.mark.parametrize(
    ("arguments", "option", "rule"),
    [
        (("a b",), "NAME", "It must be 1 to 64 letters"),
        (("--", "-ci"), "NAME", "It must be 1 to 64 letters"),
        (("ci", "--owner", ""), "--owner", "It must be 1 to 255 printable characters"),
        (("ci", "--scope", "root"), "--scope", "'root' is not one of"),
        (("ci", "--expires", "0d"), "--expires", "It must be more than 0."),
        (("ci", "--expires", "2 weeks"), "--expires", "It must be a number with its unit, as in 90d, 12h, 30m"),
        (("ci", "--expires", "100000d"), "--expires", "It must be a number with its unit"),
        (("ci", "--rate", "600"), "--rate", "It must be requests and the seconds for them, as in 600/60."),
        (("ci", "--rate", "0/60"), "--rate", "It must be 1 to "),
        (("ci", "--jobs", "0"), "--jobs", "It must be 1 to "),
    ],
)
def test_wrong_input_names_the_option_and_the_rule(
    operator: Operator, arguments: tuple[str, ...], option: str, rule: str
) -> None:
    result = operator.keys("create", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{option}': {rule}" in result.stderr
    assert operator.listed() == []


def test_a_store_that_is_away_is_an_error() -> None:
    result = CliRunner(env={"REDIS_URL": "unix:///nowhere/valkey.sock"}).invoke(aether, ["keys", "create", "ci"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: The job store is unavailable.\n"
