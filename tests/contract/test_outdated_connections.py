"""When a connection meets a demoted server, all of its client are opened again before their next commands."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.adapters.redis.keys import FENCES
from aether.bootstrap.storage import job_store, redis_client
from aether.leased_queue.connections import blocking_client, thread_client
from aether.settings import Secret, Settings
from tests.contract.hub_harness import load_version, make_changer, redis_hub_harness, wait_for_subscriptions
from tests.contract.job_store_harness import NEW_JOB
from tests.processes.redis_server import RedisServer
from tests.waiting import PATIENCE_S, eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    pytest_socket._remove_restrictions()
    with RedisServer(tmp_path / "redis") as running:
        yield running


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    async with redis_client(Settings(redis_url=Secret(server.url))) as opened:
        yield opened


async def demote(server: RedisServer, client: Redis) -> None:
    """Let the client meet a replica once, which is then a primary again."""
    server.client.replicaof("127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        await client.set("a", "b")
    server.client.replicaof("NO", "ONE")


async def ids_of(client: Redis) -> set[int]:
    return set(await asyncio.gather(*(client.client_id() for _ in range(5))))


async def test_idle_connections_are_opened_again(server: RedisServer, client: Redis) -> None:
    before = await ids_of(client)
    await demote(server, client)
    after = await ids_of(client)

    assert (len(before), before & after) == (5, set())
    assert await ids_of(client) == after


async def test_other_errors_keep_the_connections(client: Redis) -> None:
    before = await ids_of(client)
    with pytest.raises(Exception, match="unknown command"):
        await client.execute_command("NOSUCH")  # type: ignore[no-untyped-call]  # so it is in redis-py

    assert await ids_of(client) == before


async def test_an_answer_that_does_not_come_in_time_outdates_them_too(server: RedisServer, client: Redis) -> None:
    client.connection_pool.connection_kwargs["socket_timeout"] = 0.2
    before = await ids_of(client)
    server.client.client_pause(500, all=True)
    with pytest.raises(RedisTimeoutError):
        await client.get("a")
    await asyncio.to_thread(server.client.ping)

    assert not before & await ids_of(client)


async def test_connections_of_threads_and_for_blocking_commands_are_opened_again(
    server: RedisServer, client: Redis
) -> None:
    blocking, threaded = blocking_client(client, "b", 5), thread_client(client, "t", 5)
    before = (await blocking.client_id(), threaded.client_id())
    await demote(server, client)
    after = (await blocking.client_id(), threaded.client_id())
    await blocking.aclose()
    threaded.close()

    assert before[0] != after[0]
    assert before[1] != after[1]


async def test_what_a_thread_meets_is_known_to_all(server: RedisServer, client: Redis) -> None:
    threaded = thread_client(client, "t", 5)
    before = await ids_of(client)
    server.client.replicaof("127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        threaded.set("a", "b")
    server.client.replicaof("NO", "ONE")
    threaded.close()

    assert not before & await ids_of(client)


async def test_a_blocked_command_that_the_demotion_ends_outdates_all(server: RedisServer, client: Redis) -> None:
    blocking = blocking_client(client, "b", PATIENCE_S)
    before = await ids_of(client)
    waiting = asyncio.ensure_future(blocking.execute_command("BLPOP", "nothing", 60))  # type: ignore[no-untyped-call]
    await eventually(lambda: "blpop" in str(server.client.client_list()))
    server.client.replicaof("127.0.0.1", "1")
    await asyncio.wait({waiting})
    server.client.replicaof("NO", "ONE")
    await blocking.aclose()

    assert waiting.exception() is not None
    assert not before & await ids_of(client)


async def test_fences_are_heard_after_it(server: RedisServer, client: Redis) -> None:
    store = job_store(client, Settings())
    fences = store.fences(silence_s=0.05)
    heard: asyncio.Future[Any] = asyncio.ensure_future(anext(fences))
    await eventually(lambda: server.client.pubsub_numsub(FENCES)[0][1] == 1)
    await demote(server, client)
    await asyncio.sleep(0.2)  # several pings of the subscription, each of which may open it again
    await eventually(lambda: server.client.pubsub_numsub(FENCES)[0][1] == 1)
    server.client.publish(FENCES, "job 7")

    assert await heard == ("job", 7)


async def test_the_hub_hears_of_changes_after_it(server: RedisServer, client: Redis) -> None:
    async with redis_hub_harness(client, silence_s=0.05) as harness:
        change = await make_changer(harness.store)
        known = await load_version(harness.store)
        waiting = asyncio.ensure_future(harness.hub.wait_for_change(NEW_JOB.id, known, PATIENCE_S))
        await wait_for_subscriptions(harness)
        before = {entry["id"] for entry in server.client.client_list("pubsub")}
        await demote(server, client)
        await eventually(lambda: not before & {entry["id"] for entry in server.client.client_list("pubsub")})
        version = await change()

        assert await waiting == version
