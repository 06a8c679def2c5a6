"""Pipelining: many callers share round trips, and each gets its own answer or error."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ResponseError
from typing_extensions import override

from aether.adapters.redis.pipelining import PipeliningRedis
from aether.leased_queue.scripts import Script

# The real Valkey listens on a Unix socket, which pytest-socket's list of hosts cannot name.


class CountingRedis(PipeliningRedis):
    """Counts the batches."""

    batches = 0

    @override
    def pipeline(self, *arguments: Any, **options: Any) -> Any:  # as the overridden one
        self.batches += 1
        return super().pipeline(*arguments, **options)


def redis_at(socket: Path) -> CountingRedis:
    return CountingRedis(
        connection_pool=BlockingConnectionPool.from_url(f"unix://{socket}", max_connections=4, timeout=1)
    )


@pytest.fixture
async def client(valkey_socket: Path) -> AsyncIterator[CountingRedis]:
    async with redis_at(valkey_socket) as client:
        await client.flushall()
        yield client
        await client.connection_pool.disconnect()


async def test_each_caller_gets_its_own_answer(client: CountingRedis) -> None:
    numbers = [str(at).encode() for at in range(300)]
    await asyncio.gather(*(client.set(f"key:{at}", at) for at in range(300)))

    assert numbers == await asyncio.gather(*(client.get(f"key:{at}") for at in range(300)))


async def test_concurrent_commands_share_a_batch(client: CountingRedis) -> None:
    await asyncio.gather(*(client.get("key") for _ in range(16)))

    assert client.batches == 2  # the fixture's own is the first


async def test_answers_are_parsed_for_their_commands(client: CountingRedis) -> None:
    await client.execute_command("HSET", "hash", "a", 1)

    commands = [("HGETALL", "hash"), ("EXISTS", "hash"), ("PING",)]

    answers = await asyncio.gather(*(client.execute_command(*command) for command in commands))

    assert answers == [{b"a": b"1"}, 1, True]


async def test_an_error_affects_its_command_only(client: CountingRedis) -> None:
    await client.set("word", "x")

    wrong, right = await asyncio.gather(client.incr("word"), client.get("word"), return_exceptions=True)

    assert (ResponseError, b"x") == (type(wrong), right)


@pytest.mark.parametrize("bad", [None, "\ud800"])
async def test_a_command_that_cannot_be_encoded_affects_no_other(client: CountingRedis, bad: object) -> None:
    commands = [("SET", "word", "x"), ("SET", "word", bad), ("INCR", "number")]

    answers = await asyncio.gather(*(client.execute_command(*command) for command in commands), return_exceptions=True)

    assert [answers[0], answers[2]] == [True, 1]
    assert isinstance(answers[1], (DataError, ValueError))


async def test_a_script_that_the_server_does_not_know_is_sent_to_it(client: CountingRedis) -> None:
    script = Script("return ARGV[1]")
    await client.script_flush()

    answers = await asyncio.gather(*(script.run(client, [at]) for at in (1, 2)))

    assert answers == [b"1", b"2"]


async def test_a_cancelled_call_affects_no_other(client: CountingRedis) -> None:
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
    assert unreachable.batches <= 3
    assert len({id(answer) for answer in answers}) == 500


async def test_commands_after_an_outage_are_answered(client: CountingRedis, valkey_client: Redis) -> None:
    cut_off = asyncio.create_task(client.execute_command("BLPOP", "none", 0))
    blocked: list[dict[str, str]] = []
    while not blocked:
        blocked = [each for each in await valkey_client.client_list() if each["cmd"] == "blpop"]

    await valkey_client.client_kill_filter(_id=blocked[0]["id"])

    with pytest.raises(RedisConnectionError):
        await cut_off
    assert await client.ping()
