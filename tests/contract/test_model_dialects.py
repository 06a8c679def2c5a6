"""What is known about a server's models is kept in Redis for a day, and is no condition for anything."""

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from aether.adapters.openai.dialect import Dialect
from aether.adapters.redis.keys import DIALECT_MS, DIALECTS
from aether.adapters.redis.model_dialects import RedisModelDialects
from aether.bootstrap.dialects import remember_dialect, shared_dialects
from aether.errors import StoreUnavailableError
from aether.settings import Settings

SETTINGS = Settings(openai_base_url="http://me:secret@model.test:11434/v1?token=secret")
KEY = f"{DIALECTS}http://model.test:11434/v1"
OBJECT = Dialect(form="object", system=False)


@pytest.fixture(params=["fakeredis", "valkey"])
def client(request: pytest.FixtureRequest) -> Redis:
    client: Redis = request.getfixturevalue(f"{request.param}_client")
    return client


@pytest.fixture
def unreachable() -> Redis:
    return Redis(unix_socket_path="/nowhere/valkey.sock")


async def test_what_one_process_learns_the_next_one_knows(client: Redis) -> None:
    async with shared_dialects(client, SETTINGS) as memory:
        assert memory.get("small") == Dialect()
        memory.set("small", OBJECT)
        memory.set("large", Dialect(stream="none"))
    async with shared_dialects(client, SETTINGS) as memory:
        known = dict(memory.known)

    assert known == {"small": OBJECT, "large": Dialect(stream="none")}


async def test_a_model_that_lacks_nothing_any_more_is_not_kept(client: Redis) -> None:
    await remember_dialect(client, SETTINGS, "small", OBJECT)
    await remember_dialect(client, SETTINGS, "large", OBJECT)
    await remember_dialect(client, SETTINGS, "small", Dialect())
    async with shared_dialects(client, SETTINGS) as memory:
        memory.set("large", Dialect())

    assert await client.exists(KEY) == 0


async def test_servers_are_kept_apart_by_their_address_without_its_secrets(client: Redis) -> None:
    await remember_dialect(client, SETTINGS, "small", OBJECT)
    async with shared_dialects(client, Settings(openai_base_url="http://other.test/v1")) as memory:
        assert memory.known == {}

    assert [key.decode() for key in await client.keys()] == [KEY]


async def test_it_is_forgotten_after_a_day(client: Redis) -> None:
    await remember_dialect(client, SETTINGS, "small", OBJECT)

    assert DIALECT_MS - 60_000 < await client.pttl(KEY) <= DIALECT_MS


async def test_requests_cannot_fill_the_store_with_names(client: Redis) -> None:
    store = RedisModelDialects(client, "server")
    for number in range(1_001):
        await store.save(f"model-{number}", b"{}")

    assert len(await store.load()) == 1_000


@pytest.mark.parametrize("text", [b"", b"nonsense", b'{"form": "xml"}', b"[1]", b"\xff"])
async def test_what_cannot_be_read_is_ignored(client: Redis, text: bytes) -> None:
    # redis-py types the answers of its two kinds of client as one.
    await client.hset(KEY, mapping={"small": text, "large": msgspec.json.encode(OBJECT)})  # type: ignore[misc]
    async with shared_dialects(client, SETTINGS) as memory:
        known = dict(memory.known)

    assert known == {"large": OBJECT}


async def test_fields_of_a_newer_version_do_not_matter(client: Redis) -> None:
    await client.hset(KEY, "small", '{"form": "object", "mood": "calm"}')  # type: ignore[misc]  # as above
    async with shared_dialects(client, SETTINGS) as memory:
        known = dict(memory.known)

    assert known == {"small": Dialect(form="object")}


async def test_without_the_store_a_process_learns_by_itself(unreachable: Redis) -> None:
    with capture_logs() as logs:
        async with shared_dialects(unreachable, SETTINGS) as memory:
            memory.set("small", OBJECT)
            assert memory.get("small") == OBJECT

    assert [entry["event"] for entry in logs] == ["model.dialect_not_saved"]
    with pytest.raises(StoreUnavailableError):
        await remember_dialect(unreachable, SETTINGS, "small", OBJECT)
