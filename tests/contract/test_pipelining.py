"""Pipelining: many callers share round trips, and each gets its own answer or error."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.adapters.redis.channel import Channel, Request
from aether.adapters.redis.pipelining import PipeliningRedis
from aether.leased_queue.connections import harden
from aether.leased_queue.scripts import Script
from tests.waiting import eventually

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.


def redis_at(socket: Path) -> PipeliningRedis:
    pool = BlockingConnectionPool.from_url(f"unix://{socket}", max_connections=4, timeout=1)
    client = PipeliningRedis(connection_pool=pool)
    harden(client, 1.0)
    return client


@pytest.fixture
async def client(valkey_socket: Path) -> AsyncIterator[PipeliningRedis]:
    async with redis_at(valkey_socket) as client:
        await client.flushall()
        yield client
        await client.connection_pool.disconnect()


@pytest.fixture
async def channel(client: PipeliningRedis) -> AsyncIterator[Channel]:
    channel = await Channel.open(client.connection_pool, client.response_callbacks, timeout_s=0.1)
    yield channel
    channel.close()


async def blocked_connection(client: Redis, other_than: str = "") -> str:
    """Wait for a connection that is blocked, and return its id."""
    while True:
        blocked = [each["id"] for each in await client.client_list() if each["cmd"] == "blpop"]
        if blocked and blocked != [other_than]:
            return str(blocked[0])


async def reads_of(client: Redis) -> int:
    stats = await client.info("stats")
    return int(stats["total_reads_processed"])


async def test_each_caller_gets_its_own_answer(client: PipeliningRedis) -> None:
    numbers = [str(at).encode() for at in range(300)]
    await asyncio.gather(*(client.set(f"key:{at}", at) for at in range(300)))

    assert numbers == await asyncio.gather(*(client.get(f"key:{at}") for at in range(300)))


async def test_concurrent_commands_are_written_together(client: PipeliningRedis, valkey_client: Redis) -> None:
    before = await reads_of(valkey_client)

    await asyncio.gather(*(client.get("key") for _ in range(4)))

    assert await reads_of(valkey_client) - before == 2  # the second is that of INFO


async def test_of_equal_shared_commands_that_wait_only_one_is_sent(client: PipeliningRedis) -> None:
    async def count(*, shared: bool = True) -> int:
        counted: int = await client.execute_command("INCR", "counter", shared=shared)
        return counted

    assert await asyncio.gather(*(count(shared=shared) for shared in (True, True, False, True))) == [1, 1, 2, 1]
    assert await count() == 3


async def test_a_cancelled_caller_of_a_shared_command_affects_no_other(client: PipeliningRedis) -> None:
    leaving, staying = (asyncio.create_task(client.execute_command("INCR", "n", shared=True)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying == 1


async def test_answers_are_parsed_for_their_commands(client: PipeliningRedis) -> None:
    await client.execute_command("HSET", "hash", "a", 1)

    commands = [("HGETALL", "hash"), ("EXISTS", "hash"), ("PING",)]

    answers = await asyncio.gather(*(client.execute_command(*command) for command in commands))

    assert answers == [{b"a": b"1"}, 1, True]


async def test_an_error_affects_its_command_only(client: PipeliningRedis) -> None:
    await client.set("word", "x")

    wrong, right = await asyncio.gather(client.incr("word"), client.get("word"), return_exceptions=True)

    assert (ResponseError, b"x") == (type(wrong), right)


@pytest.mark.parametrize("bad", [None, "\ud800"])
async def test_a_command_that_cannot_be_encoded_affects_no_other(client: PipeliningRedis, bad: object) -> None:
    commands = [("SET", "word", "x"), ("SET", "word", bad), ("INCR", "number")]

    answers = await asyncio.gather(*(client.execute_command(*command) for command in commands), return_exceptions=True)

    assert [answers[0], answers[2]] == [True, 1]
    assert isinstance(answers[1], (DataError, ValueError))


async def test_a_script_that_the_server_does_not_know_is_sent_to_it(client: PipeliningRedis) -> None:
    script = Script("return ARGV[1]")
    await client.script_flush()

    answers = await asyncio.gather(*(script.run(client, [at]) for at in (1, 2)))

    assert answers == [b"1", b"2"]


async def test_a_cancelled_call_affects_no_other(client: PipeliningRedis) -> None:
    leaving = asyncio.create_task(client.execute_command("SET", "left", 1))
    staying = asyncio.create_task(client.execute_command("SET", "stayed", 1))
    await asyncio.sleep(0)

    leaving.cancel()

    assert await staying
    await asyncio.wait({leaving})
    assert leaving.cancelled()


async def test_without_a_server_all_waiting_commands_fail() -> None:
    async with redis_at(Path("/nowhere/valkey.sock")) as unreachable:
        answers = await asyncio.gather(*(unreachable.get("key") for _ in range(500)), return_exceptions=True)

    assert {RedisConnectionError} == {type(answer) for answer in answers}
    assert len({id(answer) for answer in answers}) == 500


async def test_a_command_without_an_answer_is_sent_again_on_a_new_connection(
    client: PipeliningRedis, valkey_client: Redis
) -> None:
    cut_off = asyncio.create_task(client.execute_command("BLPOP", "list", 0))
    first = await blocked_connection(valkey_client)

    await valkey_client.client_kill_filter(_id=first)
    second = await blocked_connection(valkey_client, other_than=first)
    await valkey_client.rpush("list", "x")  # type: ignore[misc]  # redis-py's type is that of both of its clients

    assert (await cut_off, first != second) == ((b"list", b"x"), True)


async def test_a_command_is_not_sent_for_ever(client: PipeliningRedis, valkey_client: Redis) -> None:
    cut_off = asyncio.create_task(client.execute_command("BLPOP", "list", 0))

    blocked = ""
    for _ in range(3):
        blocked = await blocked_connection(valkey_client, other_than=blocked)
        await valkey_client.client_kill_filter(_id=blocked)

    with pytest.raises(RedisConnectionError):
        await cut_off
    assert await client.ping()


async def test_an_answer_that_takes_too_long_breaks_the_connection(channel: Channel) -> None:
    late, behind = Request(("BLPOP", "none", 0), {}), Request(("PING",), {})
    answers = late.answer(), behind.answer()

    channel.send([late, behind])

    errors = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(error) for error in errors] == [RedisTimeoutError, RedisTimeoutError]
    assert not channel.is_usable(idle_s=60)


async def test_a_channel_is_not_usable_after_it_was_idle(channel: Channel) -> None:
    request = Request(("PING",), {})
    answer = request.answer()

    channel.send([request])

    assert channel.is_usable(idle_s=0)  # an answer is on its way
    await answer
    assert (channel.is_usable(idle_s=0), channel.is_usable(idle_s=60)) == (False, True)


async def test_a_closed_client_leaves_no_connection(valkey_socket: Path, valkey_client: Redis) -> None:
    before = len(await valkey_client.client_list())
    async with redis_at(valkey_socket) as client:
        await client.ping()
        assert await connections_are(valkey_client, before + 1)

    await eventually(lambda: connections_are(valkey_client, before))


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize("is_open", [False, True])
async def test_a_command_that_waits_when_the_client_is_closed_fails(
    valkey_socket: Path, valkey_client: Redis, turns: int, *, is_open: bool
) -> None:
    before = len(await valkey_client.client_list())
    client = redis_at(valkey_socket)
    if is_open:
        await client.ping()
    command = asyncio.create_task(client.execute_command("BLPOP", "none", 0))
    for _ in range(turns):
        await asyncio.sleep(0)

    await client.aclose(close_connection_pool=True)

    with pytest.raises(RedisConnectionError, match="closed"):
        await command
    await eventually(lambda: connections_are(valkey_client, before))


async def connections_are(client: Redis, count: int) -> bool:
    return len(await client.client_list()) == count
