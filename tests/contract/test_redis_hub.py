import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
import pytest_socket
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from aether.adapters.redis.hub import DeltaPublisher, RedisHub
from aether.adapters.redis.keys import CHANGES, RECORD, TEXTS
from aether.durable.change_hub import Delta
from tests.chaos.proxy import Proxy
from tests.contract.hub_harness import (
    LONG_S,
    SHORT_S,
    HubHarness,
    load_version,
    make_changer,
    redis_hub_harness,
    wait_for_subscriptions,
)
from tests.contract.job_store_harness import NEW_JOB, begin_job
from tests.queue.valkey import Valkey
from tests.waiting import PATIENCE_S

SILENCE_S = 0.1


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server that a test may kill; it has all acknowledged writes on disk."""
    pytest_socket._remove_restrictions()
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def hub_harness(valkey: Valkey) -> AsyncIterator[HubHarness]:
    async with (
        Redis(unix_socket_path=valkey.socket, socket_timeout=LONG_S) as client,
        redis_hub_harness(client) as hub_harness,
    ):
        yield hub_harness


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of the test's own."""
    async with Redis(unix_socket_path=valkey.socket) as client:
        yield client


async def subscriptions(client: Redis) -> list[bytes]:
    return sorted(await client.pubsub_channels())


async def test_a_wait_survives_a_crash_of_the_server(hub_harness: HubHarness, valkey: Valkey) -> None:
    change = await make_changer(hub_harness.store)
    waiting = asyncio.create_task(
        hub_harness.hub.wait_for_change(NEW_JOB.id, await load_version(hub_harness.store), LONG_S)
    )
    await wait_for_subscriptions(hub_harness)

    valkey.kill()
    await asyncio.sleep(3 * SHORT_S)
    valkey.start()

    assert not waiting.done()
    assert await change() == await waiting


async def test_a_change_during_a_broken_connection_is_not_missed(
    hub_harness: HubHarness, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missed messages are made up for by reading the record."""
    monkeypatch.setattr("aether.adapters.redis.hub.subscriptions._RECONNECT_PAUSE_S", 4 * SHORT_S)
    change = await make_changer(hub_harness.store)
    waiting = asyncio.create_task(
        hub_harness.hub.wait_for_change(NEW_JOB.id, await load_version(hub_harness.store), LONG_S)
    )
    await wait_for_subscriptions(hub_harness)

    await client.client_kill_filter(_type="pubsub")
    version = await change()

    assert await waiting == version


async def test_a_reader_follows_a_job_through_many_broken_connections(
    hub_harness: HubHarness, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aether.adapters.redis.hub.subscriptions._RECONNECT_PAUSE_S", 0.001)
    change = await make_changer(hub_harness.store)
    first = await load_version(hub_harness.store)

    async def follow() -> int:
        version = first
        while version < first + 300:
            heard = await hub_harness.hub.wait_for_change(NEW_JOB.id, version, LONG_S)
            assert heard is not None
            assert heard > version
            version = heard
        return version

    following = [asyncio.create_task(follow()) for _ in range(10)]
    for at in range(300):
        if at % 7 == 0:
            await client.client_kill_filter(_type="pubsub")
        await change()

    assert await asyncio.gather(*following) == [first + 300] * 10


async def test_a_wait_times_out_while_the_server_is_down(hub_harness: HubHarness, valkey: Valkey) -> None:
    job = await begin_job(hub_harness.store)
    valkey.kill()

    assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, 3 * SHORT_S) is None


async def test_a_server_that_lost_changes_ends_the_wait(hub_harness: HubHarness, client: Redis) -> None:
    """The version goes back when a replica that lagged behind becomes the primary."""
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
    await wait_for_subscriptions(hub_harness)

    await client.hset(RECORD + NEW_JOB.id, "version", str(job.version - 1))  # type: ignore[misc]
    await client.client_kill_filter(_type="pubsub")

    assert await waiting == job.version - 1


async def test_an_old_message_does_not_set_a_version_back(hub_harness: HubHarness, client: Redis) -> None:
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, 4 * SHORT_S))
    await wait_for_subscriptions(hub_harness)

    await client.publish(CHANGES + NEW_JOB.id, job.version - 1)

    assert await waiting is None


@pytest.mark.parametrize("message", ["", "much", "-", "[]"])
async def test_an_unreadable_message_is_skipped(hub_harness: HubHarness, client: Redis, message: str) -> None:
    change = await make_changer(hub_harness.store)
    after = await load_version(hub_harness.store)
    with hub_harness.hub.watch(NEW_JOB.id, after, LONG_S) as watch:
        await wait_for_subscriptions(hub_harness)
        for channel in (CHANGES, TEXTS):
            await client.publish(channel + NEW_JOB.id, message)

        assert await change() == await anext(watch)


async def test_a_message_in_another_form_has_the_version_read(hub_harness: HubHarness, client: Redis) -> None:
    """A newer version may add to the message of a change."""
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
    await wait_for_subscriptions(hub_harness)

    await client.hset(RECORD + NEW_JOB.id, "version", str(job.version + 1))  # type: ignore[misc]
    await client.publish(CHANGES + NEW_JOB.id, f"{job.version + 1} by ada")

    assert await waiting == job.version + 1


async def test_an_unreadable_version_affects_no_other_job(hub_harness: HubHarness, client: Redis) -> None:
    change = await make_changer(hub_harness.store)
    after = await load_version(hub_harness.store)
    await client.hset(RECORD + "nonsense", "version", "much")  # type: ignore[misc]
    vain = asyncio.create_task(hub_harness.hub.wait_for_change("nonsense", 1, LONG_S))
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, after, LONG_S))
    await wait_for_subscriptions(hub_harness, NEW_JOB.id, "nonsense")

    assert await change() == await waiting
    vain.cancel()


@pytest.mark.parametrize("part", ["_handle", "_subscribe", "_run_connection"])
async def test_a_failing_task_is_restarted(
    hub_harness: HubHarness, client: Redis, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(hub_harness.hub, RedisHub)
    change = await make_changer(hub_harness.store)
    waiting = asyncio.create_task(
        hub_harness.hub.wait_for_change(NEW_JOB.id, await load_version(hub_harness.store), LONG_S)
    )
    await wait_for_subscriptions(hub_harness)
    failed = asyncio.Event()

    def fail(*_: object) -> NoReturn:
        monkeypatch.undo()
        failed.set()
        raise LookupError

    monkeypatch.setattr(hub_harness.hub._channels, part, fail)
    await client.publish(CHANGES + NEW_JOB.id, "")
    await client.client_kill_filter(_type="pubsub")
    await failed.wait()

    assert await change() == await waiting


async def test_a_half_open_connection_is_found_and_replaced(valkey: Valkey) -> None:
    """Neither end receives anything, and no error is reported."""
    with Proxy() as proxy:
        link = proxy.link(valkey.socket)
        async with (
            Redis(unix_socket_path=valkey.socket) as client,
            Redis(host="127.0.0.1", port=link.port, socket_timeout=0.2) as listening,
            redis_hub_harness(client, listening, silence_s=SILENCE_S) as hub_harness,
        ):
            change = await make_changer(hub_harness.store)
            waiting = asyncio.create_task(
                hub_harness.hub.wait_for_change(NEW_JOB.id, await load_version(hub_harness.store), LONG_S)
            )
            await wait_for_subscriptions(hub_harness)

            link.forget_all()

            assert await change() == await waiting


async def test_an_expired_job_ends_the_wait(client: Redis) -> None:
    """Nothing is published; a sweep finds it."""
    async with redis_hub_harness(client, sweep_s=SHORT_S) as hub_harness:
        job = await begin_job(hub_harness.store)
        waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
        await wait_for_subscriptions(hub_harness)

        await client.delete(RECORD + NEW_JOB.id)

        assert await waiting == 0


async def test_the_end_of_the_last_wait_ends_the_subscription(hub_harness: HubHarness, client: Redis) -> None:
    job = await begin_job(hub_harness.store)
    waiting = [asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S)) for _ in range(3)]
    with hub_harness.hub.watch(NEW_JOB.id, job.version, LONG_S):
        await wait_for_subscriptions(hub_harness)
        assert await subscriptions(client) == [(CHANGES + NEW_JOB.id).encode(), (TEXTS + NEW_JOB.id).encode()]
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    while await subscriptions(client):  # noqa: ASYNC110 - the server does not announce it
        await asyncio.sleep(0.001)
    assert isinstance(hub_harness.hub, RedisHub)
    assert (hub_harness.hub._watches, hub_harness.hub._channels._joined) == ({}, set())


async def test_a_job_that_is_watched_again_at_once_is_subscribed(hub_harness: HubHarness) -> None:
    """UNSUBSCRIBE and SUBSCRIBE follow each other directly."""
    change = await make_changer(hub_harness.store)
    for _ in range(50):
        after = await load_version(hub_harness.store)
        assert await hub_harness.hub.wait_for_change(NEW_JOB.id, after, 0.0001) is None
        waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, after, LONG_S))
        assert await change() == await waiting


async def test_closing_ends_all_waits_at_once(client: Redis) -> None:
    async with AsyncExitStack() as stack:
        hub_harness = await stack.enter_async_context(redis_hub_harness(client))
        job = await begin_job(hub_harness.store)
        waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
        with hub_harness.hub.watch(NEW_JOB.id, job.version, LONG_S) as watch:
            watching = asyncio.ensure_future(anext(watch, "end"))
            await wait_for_subscriptions(hub_harness)
            began = time.monotonic()
            await stack.aclose()

            assert (await waiting, await watching) == (None, "end")
        assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S) is None
        assert time.monotonic() - began < LONG_S / 2


async def test_ten_thousand_wait_on_one_connection(hub_harness: HubHarness, client: Redis) -> None:
    jobs = [f"job-{at}" for at in range(10_000)]
    async with client.pipeline(transaction=False) as pipeline:
        for job_id in jobs:
            pipeline.hset(RECORD + job_id, "version", "1")
        await pipeline.execute()
    waiting = [asyncio.create_task(hub_harness.hub.wait_for_change(job_id, 1, LONG_S)) for job_id in jobs]
    await asyncio.sleep(0)
    while len(await subscriptions(client)) < len(jobs):  # noqa: ASYNC110 - the server does not announce it
        await asyncio.sleep(0.01)
    connections = await client.client_list(_type="pubsub")

    async with client.pipeline(transaction=False) as pipeline:
        for job_id in jobs:
            pipeline.publish(CHANGES + job_id, 2)
        await pipeline.execute()

    assert await asyncio.gather(*waiting) == [2] * 10_000
    assert len(connections) == 1


async def test_no_delta_of_a_step_follows_its_flush(client: Redis) -> None:
    async with DeltaPublisher(client) as publisher, client.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(TEXTS + NEW_JOB.id)
        await channel.get_message(timeout=PATIENCE_S)
        for at in range(100):
            publisher.publish(NEW_JOB.id, Delta("section:1", 1, at, "x"))
            await asyncio.sleep(0.0005)
        publisher.publish(NEW_JOB.id, Delta("section:2", 1, 0, "y"))
        await publisher.flush(NEW_JOB.id, "section:1")
        await client.publish(TEXTS + NEW_JOB.id, b"flushed")
        await publisher.flush(NEW_JOB.id, "section:2")
        await client.publish(TEXTS + NEW_JOB.id, b"end")
        heard = [message async for message in receive_until(channel, b"end")]

    flushed = heard.index(b"flushed")
    before_flush = [msgspec.json.decode(message, type=Delta) for message in heard[:flushed]]
    after_flush = [msgspec.json.decode(message, type=Delta) for message in heard[flushed + 1 :]]
    assert "".join(delta.text for delta in before_flush if delta.step == "section:1") == "x" * 100
    assert {delta.step for delta in after_flush} <= {"section:2"}
    assert "".join(delta.text for delta in before_flush + after_flush if delta.step == "section:2") == "y"


async def receive_until(channel: PubSub, last: bytes) -> AsyncIterator[bytes]:
    while True:
        message = await channel.get_message(timeout=PATIENCE_S)
        if message is not None:
            if message["data"] == last:
                return
            yield message["data"]


async def test_a_flush_does_not_wait_for_a_server_that_hangs(valkey: Valkey) -> None:
    async with (
        Redis(unix_socket_path=valkey.socket, socket_timeout=10 * PATIENCE_S) as client,
        DeltaPublisher(client) as publisher,
    ):
        await client.ping()
        assert valkey.process
        valkey.process.signal(signal.SIGSTOP)
        try:
            for step in ("section:1", "section:2"):
                publisher.publish(NEW_JOB.id, Delta(step, 1, 0, "x"))
                await asyncio.wait_for(publisher.flush(NEW_JOB.id, step), PATIENCE_S)
        finally:
            valkey.process.signal(signal.SIGCONT)


async def test_a_step_publishes_twenty_times_a_second_at_most(hub_harness: HubHarness, client: Redis) -> None:
    said = 0
    async with client.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(TEXTS + NEW_JOB.id)
        await channel.get_message(timeout=PATIENCE_S)
        began = time.monotonic()
        for at in range(100):
            hub_harness.publish(NEW_JOB.id, Delta("section:1", 1, at, "x"))
            await asyncio.sleep(0.002)
        length = 0
        while length < 100:
            message = await channel.get_message(timeout=PATIENCE_S)
            if message:
                said += 1
                length += len(msgspec.json.decode(message["data"], type=Delta).text)
        most = 1 + (time.monotonic() - began) / 0.05

    assert 2 <= said <= most
