"""Local store: the store of a data directory, opened by a command."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aether.adapters.local.embedded_valkey import embedded_valkey
from aether.cli.local.discovery import ServerAddress, publish_address
from aether.cli.local.store import open_store
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings
from tests.service.fake_api import FakeApi


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    """The lock of a server whose store does not answer yet."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, str(os.getpid()).encode())
    yield lock
    os.close(lock)


def url_of(settings: Settings) -> str:
    assert settings.redis_url is not None
    return settings.redis_url.reveal()


async def test_a_configured_store_is_used_unchanged(tmp_path: Path) -> None:
    named = Settings(redis_url=Secret("redis://elsewhere"), data_dir=tmp_path / "data")

    async with open_store(named, print) as settings:
        assert settings is named
    assert not (tmp_path / "data").exists()


async def test_the_store_of_a_running_server_is_shared(tmp_path: Path) -> None:
    async with embedded_valkey(tmp_path) as url, open_store(Settings(data_dir=tmp_path), print) as settings:
        assert url_of(settings) == url


async def test_data_written_while_no_server_runs_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_store(Settings(data_dir=tmp_path), print) as settings, _client(settings) as client:
            count = await client.incr("commands")

    assert count == 2


async def test_a_running_server_with_another_store_is_an_error(tmp_path: Path) -> None:
    with FakeApi() as api:
        publish_address(tmp_path, ServerAddress(api.url, os.getpid()))
        with pytest.raises(ConfigurationError, match=f"The server at {api.url} .* Set REDIS_URL"):
            async with open_store(Settings(data_dir=tmp_path), print):
                pass


async def test_a_server_that_is_starting_or_ending_is_waited_for(tmp_path: Path, lock: int) -> None:
    messages: list[str] = []

    def show_message(text: str) -> None:
        messages.append(text)
        fcntl.flock(lock, fcntl.LOCK_UN)

    async with open_store(Settings(data_dir=tmp_path), show_message) as settings, _client(settings) as client:
        assert await client.ping()
    assert messages == ["waiting for a server of this data directory, which is starting or ending"]


@pytest.mark.usefixtures("lock")
async def test_a_server_that_does_not_end_is_waited_for_a_limited_time(tmp_path: Path) -> None:
    messages: list[str] = []

    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()}.*Its store does not answer"):
        async with open_store(Settings(data_dir=tmp_path), messages.append, timeout_s=0.2):
            pass
    assert len(messages) == 1


def _client(settings: Settings) -> Redis:
    client: Redis = Redis.from_url(url_of(settings))
    return client
