"""A Redis that cannot keep jobs is refused at start, with a sentence; what may lose them is told in the log."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_socket
from redis.asyncio import Redis

from aether.adapters.redis.errors import translate_redis_errors
from aether.adapters.redis.server_check import ServerReport
from aether.bootstrap.server_check import check_server
from aether.bootstrap.storage import job_store, redis_client
from aether.errors import ConfigurationError, StoreUnavailableError
from aether.leased_queue.client import enqueue
from aether.settings import Secret, Settings
from tests.contract.job_store_harness import NEW_JOB
from tests.processes.redis_server import RedisServer, binaries

EVICTS = (
    "REDIS_URL: Redis may delete jobs that it has accepted: its maxmemory-policy is volatile-lru. "
    "Set it to noeviction, or AETHER_ALLOW_EVICTION to true to accept the loss."
)
TOO_OLD = "Redis 6.0.16 is too old: Aether needs 6.2 or newer."


@pytest.fixture(autouse=True)
def _local_sockets() -> None:
    pytest_socket._remove_restrictions()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as running:
        yield running


def settings_for(url: str, *, allow_eviction: bool = False) -> Settings:
    return Settings(redis_url=Secret(url), allow_eviction=allow_eviction)


def run(command: str, url: str, folder: Path, **environment: str) -> tuple[int, str]:
    """Run a command of `aether` to its end, and return its exit status and its last line."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
    own = {"REDIS_URL": url, "OPENAI_API_KEY": "sk-1", "AETHER_DATA_DIR": str(folder), "AETHER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "aether", command],
        env=inherited | own | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, (done.stderr or done.stdout).strip().splitlines()[-1]


@asynccontextmanager
async def old_redis() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers as Redis 6.0 does; yields its URL and the names of the commands that it gets."""
    commands: list[bytes] = []
    info = b"# Server\r\nredis_version:6.0.16\r\n"
    answers = {
        b"EVALSHA": b"-NOSCRIPT No matching script. Please use EVAL.\r\n",
        b"INFO": b"$%d\r\n%b\r\n" % (len(info), info),
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            commands.append(words[0].upper())
            writer.write(answers.get(commands[-1], b"+OK\r\n"))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0", commands


@pytest.mark.parametrize("command", ["api", "worker", "check", "serve"])
def test_a_redis_that_may_evict_jobs_is_refused(server: RedisServer, tmp_path: Path, command: str) -> None:
    server.set(maxmemory_policy="volatile-lru")

    assert run(command, server.url, tmp_path) == (2, f"Error: {EVICTS}")


async def test_an_operator_may_accept_that_jobs_are_evicted(
    server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.set(maxmemory_policy="volatile-lru")

    await check_server(settings_for(server.url, allow_eviction=True))

    said = capsys.readouterr().out
    assert "redis.evicts" in said
    assert "volatile-lru" in said


async def test_a_redis_without_an_append_only_file_is_told_in_the_log(
    server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await check_server(settings_for(server.url))
    without = capsys.readouterr().out
    server.set(appendonly="yes")
    await check_server(settings_for(server.url))
    with_file = capsys.readouterr().out

    assert "redis.not_durable" in without
    assert "redis.not_durable" not in with_file
    assert "redis.checked" in with_file


async def test_an_old_redis_is_refused_at_start() -> None:
    async with old_redis() as (url, _):
        with pytest.raises(ConfigurationError) as caught:
            await check_server(settings_for(url))

    assert str(caught.value) == f"REDIS_URL: {TOO_OLD}"


async def test_no_script_runs_on_an_old_redis_that_was_met_later() -> None:
    """Redis 6.0 would break the scripts off after their first writes, and keep half of a job."""
    async with old_redis() as (url, commands):
        settings = settings_for(url)
        async with redis_client(settings) as client:
            with pytest.raises(StoreUnavailableError, match=r"The job store is unavailable: Redis 6\.0\.16 is too old"):
                await job_store(client, settings).create(NEW_JOB)
            with pytest.raises(StoreUnavailableError), translate_redis_errors():
                await enqueue(client, "q", "a", b"")

    assert b"EVALSHA" in commands
    assert b"EVAL" not in commands


async def test_a_redis_that_does_not_answer_yet_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await check_server(settings_for(f"unix://{tmp_path}/none"))

    said = capsys.readouterr().out
    assert "redis.unreachable" in said
    assert "Redis does not answer" in said


async def test_where_info_is_not_allowed_the_service_goes_on_with_a_warning(
    server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.client.acl_setuser("app", enabled=True, nopass=True, keys=["*"], channels=["*"], categories=["+@all"])
    server.client.execute_command("ACL", "SETUSER", "app", "-info", "-config")
    url = server.url.replace("unix://", "unix://app:x@")
    settings = settings_for(url)

    await check_server(settings)
    async with redis_client(settings) as client:
        created = await job_store(client, settings).create(NEW_JOB)

    assert "redis.unchecked" in capsys.readouterr().out
    assert created == NEW_JOB.id


def test_the_check_tells_which_server_it_is(server: RedisServer, tmp_path: Path) -> None:
    version = server.client.info()["valkey_version"]
    note = "(no append-only file: a restart may lose accepted jobs)"

    status, out = run("check", server.url, tmp_path)

    assert (status, out.startswith("model: ")) == (0, True)
    done = subprocess.run(
        [sys.executable, "-m", "aether", "check"],
        env=os.environ | {"REDIS_URL": server.url, "OPENAI_API_KEY": "sk-1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[0] == f"store: Valkey {version} at REDIS_URL {note}"


@pytest.mark.parametrize(
    ("info", "allow_eviction", "refusal"),
    [
        ({"redis_version": "7.2.4", "valkey_version": "9.1.0", "maxmemory_policy": "noeviction"}, False, None),
        ({"redis_version": "7.0.15"}, False, None),
        ({}, False, None),
        ({"redis_version": "6.0.16", "maxmemory_policy": "noeviction"}, True, TOO_OLD.removesuffix(".")),
        ({"redis_version": "8.0.0", "maxmemory_policy": "allkeys-lfu"}, True, None),
    ],
)
def test_a_server_is_judged_by_what_it_says(info: dict[str, str], *, allow_eviction: bool, refusal: str | None) -> None:
    assert ServerReport.parse(info).refusal(allow_eviction=allow_eviction) == refusal


@pytest.fixture(params=list(binaries()))
def every_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A server of each make that is installed."""
    binary = binaries()[request.param]
    if binary is None:
        pytest.skip(f"no server of {request.param} is installed")
    with RedisServer(tmp_path / "redis", binary=binary) as running:
        yield running


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("maxmemory", "1", "Redis is full"),
        ("replicaof", "127.0.0.1 1", "Redis is a read-only replica"),
    ],
)
async def test_each_server_refuses_a_job_whole_and_says_why(
    every_redis: RedisServer, setting: str, value: str, why: str
) -> None:
    settings = settings_for(every_redis.url)
    async with redis_client(settings) as client:
        store = job_store(client, settings)
        await set_to(client, setting, value)
        with pytest.raises(StoreUnavailableError) as caught:
            await store.create(NEW_JOB)
        assert str(caught.value) == f"The job store is unavailable: {why}."
        assert await client.dbsize() == 0

        await set_to(client, setting, "no one" if setting == "replicaof" else "0")
        assert await store.create(NEW_JOB) == NEW_JOB.id


async def set_to(client: Redis, setting: str, value: str) -> None:
    if setting == "replicaof":
        await client.replicaof(*value.split())
    else:
        await client.config_set(setting, value)
