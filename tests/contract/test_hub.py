import asyncio
import random
from collections.abc import AsyncIterator

from msgspec.structs import replace

from aether.adapters.redis.hub import RedisHub
from aether.adapters.redis.keys import TEXTS
from aether.domain.job import Change
from aether.durable.change_hub import Delta
from aether.leased_queue.key_names import key_name
from tests.contract.hub_harness import LONG_S, SHORT_S, HubHarness, load_version, make_changer, wait_for_subscriptions
from tests.contract.job_store_harness import NEW_JOB, begin_job


async def test_a_wait_for_a_change_that_was_made_already_ends_at_once(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)

    assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version - 1, LONG_S) == job.version


async def test_a_change_ends_the_wait(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store)
    waiting = asyncio.create_task(
        hub_harness.hub.wait_for_change(NEW_JOB.id, await load_version(hub_harness.store), LONG_S)
    )
    await wait_for_subscriptions(hub_harness)

    assert not waiting.done()
    assert await change() == await waiting


async def test_a_wait_without_a_change_times_out(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)

    assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, SHORT_S) is None


async def test_a_change_of_another_job_ends_no_wait(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store, "other")
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, 5 * SHORT_S))
    await wait_for_subscriptions(hub_harness)
    await change()

    assert await waiting is None


async def test_a_wait_after_a_future_version_returns_the_current_one(hub_harness: HubHarness) -> None:
    """After a failover the server may lack the last changes."""
    job = await begin_job(hub_harness.store)

    assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version + 5, LONG_S) == job.version


async def test_erasing_the_job_ends_the_wait(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
    await wait_for_subscriptions(hub_harness)

    await hub_harness.store.erase(NEW_JOB.id)

    assert await waiting == 0


async def test_a_wait_for_a_missing_job_ends_at_once(hub_harness: HubHarness) -> None:
    assert await hub_harness.hub.wait_for_change("gone", 7, LONG_S) == 0


async def test_one_change_ends_all_waits_for_it(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store)
    after = await load_version(hub_harness.store)
    waiting = [asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, after, LONG_S)) for _ in range(500)]
    await wait_for_subscriptions(hub_harness)

    assert [await change()] * 500 == await asyncio.gather(*waiting)


async def test_many_jobs_are_watched_at_once(hub_harness: HubHarness) -> None:
    jobs = [f"job-{at}" for at in range(100)]
    changes = [await make_changer(hub_harness.store, job_id) for job_id in jobs]
    after = await load_version(hub_harness.store, jobs[0])
    waiting = [asyncio.create_task(hub_harness.hub.wait_for_change(job_id, after, LONG_S)) for job_id in jobs]
    await wait_for_subscriptions(hub_harness, *jobs)

    for change in changes[::2]:
        await change()

    assert await asyncio.gather(*waiting[::2]) == [after + 1] * 50
    assert not [task for task in waiting[1::2] if task.done()]
    for task in waiting[1::2]:
        task.cancel()


async def test_no_change_is_missed_between_reading_and_waiting(hub_harness: HubHarness) -> None:
    """Whichever comes first: the change, its message, the subscription or its confirmation."""
    change = await make_changer(hub_harness.store)
    dice = random.Random(7)  # noqa: S311 - no secret
    for _ in range(1_000):
        after = await load_version(hub_harness.store)
        making = change()
        for _ in range(dice.randrange(8)):
            await asyncio.sleep(0)
        assert await hub_harness.hub.wait_for_change(NEW_JOB.id, after, LONG_S) == after + 1
        assert await making == after + 1


async def test_a_watch_yields_versions_in_order_up_to_the_newest(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store)
    versions = [await load_version(hub_harness.store)]
    with hub_harness.hub.watch(NEW_JOB.id, versions[0], LONG_S) as watch:
        made = [await change() for _ in range(20)]
        async for item in watch:
            assert isinstance(item, int)
            versions.append(item)
            if item == made[-1]:
                break

    assert versions == sorted(set(versions))


async def test_a_slow_reader_gets_the_newest_version_only(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store)
    with hub_harness.hub.watch(NEW_JOB.id, await load_version(hub_harness.store), SHORT_S) as watch:
        made = [await change() for _ in range(20)]
        # The watch of the same job knows the version by then.
        await hub_harness.hub.wait_for_change(NEW_JOB.id, made[-2], LONG_S)

        assert [await anext(watch), await anext(watch)] == [made[-1], None]


async def test_a_watch_of_an_unchanged_job_yields_keep_alives(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    with hub_harness.hub.watch(NEW_JOB.id, job.version, SHORT_S) as watch:
        assert [await anext(watch), await anext(watch)] == [None, None]


async def test_cancelling_a_wait_loses_nothing(hub_harness: HubHarness) -> None:
    change = await make_changer(hub_harness.store)
    with hub_harness.hub.watch(NEW_JOB.id, await load_version(hub_harness.store), LONG_S) as watch:
        for _ in range(5):
            impatient = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            impatient.cancel()
        version = await change()

        assert await anext(watch) == version


async def test_text_is_passed_on_to_watches(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    said = ["All roads", " lead", " to", " Rome."]
    with hub_harness.hub.watch(NEW_JOB.id, job.version, LONG_S) as watch:
        await wait_until_text_arrives(hub_harness, watch)
        offset = 0
        for text in said:
            hub_harness.publish(NEW_JOB.id, Delta("section:1", 1, offset, text))
            offset += len(text)
        heard = await receive_text(watch, offset)

    assert heard == "".join(said)


async def wait_until_text_arrives(hub_harness: HubHarness, watch: AsyncIterator[int | Delta | None]) -> None:
    """Wait until the watch receives text: deltas published before the subscription are lost."""
    hearing = asyncio.ensure_future(anext(watch))
    while not hearing.done():
        hub_harness.publish(NEW_JOB.id, Delta("greeting", 1, 0, "."))
        await asyncio.sleep(0.02)
    assert hearing.result()


async def receive_text(watch: AsyncIterator[int | Delta | None], length: int) -> str:
    """Join the deltas of a section by their offsets."""
    text = ""
    while len(text) < length:
        item = await anext(watch)
        if isinstance(item, Delta) and item.step.startswith("section"):
            assert item.offset == len(text)
            text += item.text
    return text


async def test_a_commit_reports_whether_the_texts_have_listeners(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    other = await begin_job(hub_harness.store, replace(NEW_JOB, id="other"))
    version, before = await hub_harness.store.commit(job.id, job.epoch, job.version, Change(total=1))
    with hub_harness.hub.watch(job.id, version, LONG_S) as watch:
        await wait_until_text_arrives(hub_harness, watch)
        again = await hub_harness.store.commit(job.id, job.epoch, job.version, Change(total=1))
        version, during = await hub_harness.store.commit(job.id, job.epoch, version, Change(total=2))
        _, elsewhere = await hub_harness.store.commit(other.id, other.epoch, other.version, Change(total=1))
    await wait_until_no_listener(hub_harness)
    _, after = await hub_harness.store.commit(job.id, job.epoch, version, Change(total=3))

    assert again.has_listeners
    assert (before, during, elsewhere, after) == (False, True, False, False)


async def wait_until_no_listener(hub_harness: HubHarness) -> None:
    """Wait until no subscription to texts is left."""
    if isinstance(hub_harness.hub, RedisHub):
        client = hub_harness.hub._client
        while await client.pubsub_channels(f"{key_name(client, TEXTS)}*"):  # noqa: ASYNC110 - no event announces it
            await asyncio.sleep(0.001)


async def test_a_wait_for_a_change_does_not_subscribe_to_texts(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S))
    await wait_for_subscriptions(hub_harness)

    committed = await hub_harness.store.commit(job.id, job.epoch, job.version, Change(total=1))

    assert committed == (await waiting, False)


async def test_text_ends_no_wait_for_a_change(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    waiting = asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, 4 * SHORT_S))
    await wait_for_subscriptions(hub_harness)
    hub_harness.publish(NEW_JOB.id, Delta("outline", 1, 0, "Rome"))

    assert await waiting is None


async def test_closing_ends_all_waits_and_all_later_ones(hub_harness: HubHarness) -> None:
    job = await begin_job(hub_harness.store)
    waiting = [asyncio.create_task(hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S)) for _ in range(10)]
    await wait_for_subscriptions(hub_harness)

    hub_harness.hub.close()

    assert await asyncio.gather(*waiting) == [None] * 10
    assert await hub_harness.hub.wait_for_change(NEW_JOB.id, job.version, LONG_S) is None
    with hub_harness.hub.watch(NEW_JOB.id, job.version - 1, LONG_S) as watch:
        assert [heard async for heard in watch] == []
