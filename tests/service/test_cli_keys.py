"""`aether keys` with a real Valkey."""

import json
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
from click.testing import CliRunner, Result

from aether.adapters.redis.keys import ACCESS_KEYS
from aether.cli.commands.main import aether
from aether.identity.api_keys import MAX_STALENESS_S
from tests.service.stack import Stack
from tests.waiting import PATIENCE_S

DATABASE = 2
PREFIX = "aether_"


class Operator:
    """Runs commands with a database of its own in the stack's Valkey."""

    def __init__(self, stack: Stack) -> None:
        self.environment = {"REDIS_URL": f"{stack.valkey.url}?db={DATABASE}"}

    def keys(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(aether, ["keys", *arguments])

    def create_key(self, *arguments: str) -> str:
        """Create a key and return its id."""
        return self.keys("create", *arguments).stdout.split("_")[1]

    def list_keys(self) -> list[dict[str, object]]:
        keys: list[dict[str, object]] = json.loads(self.keys("list", "--json").stdout)
        return keys

    def digests(self) -> list[str]:
        """The hashes of the keys in the store."""
        with self._redis() as client:
            fields = client.hgetall(ACCESS_KEYS)
        return [json.loads(field)["digests"][0]["sha256"] for name, field in fields.items() if name != b"version"]

    def stored(self, key_id: str) -> dict[str, Any]:  # Any: JSON
        """The key as it is stored."""
        with self._redis() as client:
            fields: dict[str, Any] = json.loads(client.hget(ACCESS_KEYS, key_id))
        return fields

    def rewrite(self, key_id: str, **fields: object) -> None:
        """Store the key with these fields, as a newer version may."""
        with self._redis() as client:
            client.hset(ACCESS_KEYS, key_id, json.dumps(self.stored(key_id) | fields))

    def flush(self) -> None:
        with self._redis() as client:
            client.flushdb()

    def _redis(self) -> Any:  # Any: redis-py types the answers of its two kinds of client as one
        return redis.Redis.from_url(self.environment["REDIS_URL"])


@pytest.fixture
def operator(shared_bare_stack: Stack) -> Iterator[Operator]:
    pytest_socket._remove_restrictions()
    operator = Operator(shared_bare_stack)
    yield operator
    operator.flush()


def test_the_key_is_alone_on_stdout(operator: Operator) -> None:
    result = operator.keys("create", "ci")

    assert result.exit_code == 0
    assert result.stdout.startswith(PREFIX)
    assert len(result.stdout) == 64
    assert result.stdout[-1] == "\n"
    key_id = result.stdout.split("_")[1]
    assert result.stderr.splitlines() == [
        f"created ci ({key_id}) for the owner ci: read, write; without an end",
        "The key is shown this once: only its hash is kept.",
    ]


def test_a_key_has_the_properties_of_the_options(operator: Operator) -> None:
    options = ["--owner", "Ops", "--scope", "read", "--scope", "admin", "--expires", "90d", "--rate", "600/60"]

    created = json.loads(operator.keys("create", "ops", *options, "--jobs", "50", "--json").stdout)
    secret = created.pop("key")
    (key,) = operator.list_keys()

    assert secret.startswith(f"{PREFIX}{created['id']}_")
    assert created == key
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


def test_the_list_shows_every_property_except_the_secret(operator: Operator) -> None:
    operator.create_key("brief", "--expires", "1s", "--jobs", "3")
    operator.keys("revoke", operator.create_key("ended"))
    secret = operator.keys("create", "ci", "--owner", "[red]Ops[/red] :smile:").stdout

    shown = operator.keys("list").stdout
    lines = [line.split() for line in shown.splitlines()]

    assert lines[0] == ["id", "name", "owner", "scopes", "created", "expires", "state", "quota"]
    assert [line[1] for line in lines[1:]] == ["brief", "ended", "ci"]
    assert [line[-2:] for line in lines[2:]] == [["revoked", "–"], ["valid", "–"]]
    assert lines[1][-3:] == ["expired", "3", "jobs"]
    assert "[red]Ops[/red] :smile:" in shown
    assert secret.split("_", 2)[2].strip() not in shown
    assert [line["state"] for line in operator.list_keys()] == ["expired", "revoked", "valid"]


def test_lines_of_a_list_are_not_wrapped_in_a_pipe(operator: Operator) -> None:
    operator.create_key("x" * 64, "--owner", "ü" * 255)

    assert len(operator.keys("list").stdout.splitlines()) == 2


def test_a_key_of_a_newer_version_is_listed_and_changed_without_a_loss(operator: Operator) -> None:
    key_id = operator.create_key("ci")
    operator.rewrite(key_id, scopes=["audit", "write", "read"], networks=["10.0.0.0/8"])

    (listed,) = operator.list_keys()
    table = operator.keys("list").stdout
    rotated = operator.keys("rotate", "ci", "--overlap", "1h")

    assert (listed["scopes"], rotated.exit_code) == (["read", "write", "audit"], 0)
    assert "read, write, audit" in table
    stored = operator.stored(key_id)
    assert (sorted(stored["scopes"]), stored["networks"]) == (["audit", "read", "write"], ["10.0.0.0/8"])


def test_neither_a_secret_nor_a_hash_is_listed(operator: Operator) -> None:
    secret = operator.keys("create", "ci").stdout.strip()
    (digest,) = operator.digests()

    shown = operator.keys("list").stdout + operator.keys("list", "--json").stdout

    assert [text in shown for text in (secret, secret.split("_", 2)[2], digest)] == [False] * 3


def test_an_empty_list_is_a_message_on_stderr(operator: Operator) -> None:
    result = operator.keys("list")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("There are no keys.")
    assert operator.list_keys() == []


def test_revoke_returns_when_every_process_knows_of_it(operator: Operator) -> None:
    key_id = operator.create_key("ci")
    started_at = time.monotonic()

    result = operator.keys("revoke", "ci")

    assert time.monotonic() - started_at >= MAX_STALENESS_S
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"revoked ci ({key_id}); no process takes it any more\n"
    assert [key["state"] for key in operator.list_keys()] == ["revoked"]


def test_a_rotated_key_keeps_all_but_its_secret(operator: Operator) -> None:
    first = operator.keys("create", "ci", "--owner", "ada").stdout
    before = operator.list_keys()
    started_at = time.monotonic()

    result = operator.keys("rotate", "ci")

    assert time.monotonic() - started_at >= MAX_STALENESS_S
    assert result.stdout.split("_")[:2] == first.split("_")[:2]
    assert result.stdout != first
    assert result.stderr.splitlines()[-1].endswith("the old key is refused everywhere")
    assert operator.list_keys() == before


def test_an_overlap_keeps_the_old_key_valid(operator: Operator) -> None:
    operator.create_key("ci")

    created = operator.keys("rotate", "ci", "--overlap", "1h", "--json")

    assert json.loads(created.stdout)["key"].startswith(PREFIX)
    assert "the old key is valid until 20" in created.stderr


def test_no_overlap_is_longer_than_the_key_itself(operator: Operator) -> None:
    operator.create_key("ci", "--expires", "1h")
    (key,) = operator.list_keys()

    created = operator.keys("rotate", "ci", "--overlap", "90d")

    assert f"valid until {str(key['expiresAt'])[:19].replace('T', ' ')} UTC" in created.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_key_that_could_not_be_written_can_be_rotated(operator: Operator) -> None:
    """It was created, but nobody has seen it."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "aether", "keys", "create", "ci"],
            env=os.environ | operator.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    (key,) = operator.list_keys()

    assert done.returncode != 0
    assert f"(No space left on device). Get another by: aether keys rotate {key['id']}\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_an_unknown_key_is_an_error(operator: Operator, command: str) -> None:
    result = operator.keys(command, "nobody")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no valid key nobody.\n"


def test_a_name_that_is_taken_is_an_error(operator: Operator) -> None:
    operator.create_key("ci")
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
def test_invalid_input_is_an_error_that_names_the_option_and_the_rule(
    operator: Operator, arguments: tuple[str, ...], option: str, rule: str
) -> None:
    result = operator.keys("create", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for '{option}': {rule}" in result.stderr
    assert operator.list_keys() == []


def test_an_unavailable_store_is_an_error() -> None:
    result = CliRunner(env={"REDIS_URL": "unix:///nowhere/valkey.sock"}).invoke(aether, ["keys", "create", "ci"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: The job store is unavailable.\n"


def test_a_key_is_created_in_a_relative_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner(env={"REDIS_URL": ""}).invoke(aether, ["keys", "create", "ci", "--data-dir", "data"])

    assert (result.exit_code, result.stdout.startswith(PREFIX)) == (0, True), result.output
    assert (tmp_path / "data" / "valkey").is_dir()
