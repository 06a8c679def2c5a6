"""What every store of webhooks promises of deliveries, beside the store of jobs that makes them."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.job import ENDED, RETRYABLE, Change, Kind, Status
from aether.domain.webhook import Delivery, DeliveryStatus, Webhook
from aether.errors import StoreUnavailableError
from aether.services.webhooks import WebhookStore
from tests.contract.benches import NEW, begun, brought_to
from tests.contract.webhook_offices import (
    DAY,
    HOOK,
    TOLD,
    MemoryOffice,
    Office,
    delivery_of,
    ended,
    failed,
    office_of,
    reloaded,
)
from tests.fake_webhooks import MemoryWebhooks


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def office(request: pytest.FixtureRequest) -> Office:
    return office_of(request)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", sorted(ENDED))
async def test_the_end_of_a_job_makes_a_delivery_and_queues_its_first_try(
    office: Office, status: Status, kind: Kind
) -> None:
    delivery = await delivery_of(office, replace(TOLD, kind=kind), status)

    job = await office.jobs.load(NEW.id)
    assert job
    expected = Delivery(
        id=f"{NEW.id}-{job.version}",
        owner="ada",
        job_id=NEW.id,
        kind=kind,
        event=status,
        version=job.version,
        url=HOOK.url,
        own=True,
        status=DeliveryStatus.PENDING,
        created_at=delivery.created_at,
        expires_at=delivery.expires_at,
        next_at=delivery.created_at,
    )
    assert expected == delivery
    assert [(delivery.id, 1)] == await office.queued()


async def test_nothing_is_told_before_the_end(office: Office) -> None:
    await begun(office.jobs, TOLD)

    assert await office.queued() == []


async def test_without_a_webhook_nothing_is_told(office: Office) -> None:
    await brought_to(office.jobs, Status.COMPLETED)

    assert await office.queued() == []


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_only_ends_that_were_asked_for_are_told(office: Office, status: Status) -> None:
    others = Webhook(HOOK.url, ENDED - {status})

    await brought_to(office.jobs, status, replace(NEW, webhook=others))

    assert await office.queued() == []


async def test_a_commit_that_is_sent_twice_makes_one_delivery(office: Office) -> None:
    job = await begun(office.jobs, TOLD)

    for _ in range(2):
        await office.jobs.commit(job.id, job.epoch, job.version, Change(status=Status.COMPLETED))

    assert len(await office.queued()) == 1


@pytest.mark.parametrize("status", sorted(RETRYABLE))
async def test_a_job_that_ends_again_is_told_again(office: Office, status: Status) -> None:
    first = await delivery_of(office, status=status)
    await office.jobs.move(NEW.id, Change(status=Status.PENDING))
    await office.jobs.move(NEW.id, Change(status=Status.CANCELLED))

    queued = [delivery_id for delivery_id, _ in await office.queued()]
    assert (len(set(queued)), first.id in queued) == (2, True)


async def test_a_try_is_kept_and_the_next_one_queued(office: Office) -> None:
    delivery = await delivery_of(office)

    kept = await office.webhooks.record(delivery, failed(delivery), 300.0)

    now = await reloaded(office, delivery)
    assert (True, 1, (failed(delivery),), DeliveryStatus.PENDING) == (kept, now.tried, now.tries, now.status)
    assert now.next_at
    assert timedelta(seconds=295) < now.next_at - delivery.created_at < timedelta(seconds=400)
    assert (delivery.id, 2) in await office.queued()


async def test_a_last_try_ends_the_delivery_and_queues_nothing(office: Office) -> None:
    delivery = await ended(office, await delivery_of(office), DeliveryStatus.DEAD)

    assert (delivery.status, delivery.next_at) == (DeliveryStatus.DEAD, None)
    assert (delivery.id, 2) not in await office.queued()


@pytest.mark.parametrize("number", [0, 2, 7])
async def test_a_try_that_is_not_awaited_changes_nothing(office: Office, number: int) -> None:
    delivery = await delivery_of(office)

    assert not await office.webhooks.record(delivery, failed(delivery, number), 5.0)

    assert delivery == await reloaded(office, delivery)


async def test_a_try_after_the_end_changes_nothing(office: Office) -> None:
    delivery = await ended(office, await delivery_of(office))

    assert not await office.webhooks.record(delivery, failed(delivery, 2), 5.0)

    assert delivery == await reloaded(office, delivery)


async def test_of_many_tries_the_latest_are_kept(office: Office) -> None:
    delivery = await delivery_of(office)

    for number in range(1, 54):
        await office.webhooks.record(delivery, failed(delivery, number), 5.0)

    now = await reloaded(office, delivery)
    assert (53, list(range(4, 54))) == (now.tried, [each.number for each in now.tries])


async def test_a_delivery_remembers_where_it_went_last(office: Office) -> None:
    delivery = await delivery_of(office)

    await office.webhooks.record(replace(delivery, url="https://example.com/new"), failed(delivery), 5.0)

    assert (await reloaded(office, delivery)).url == "https://example.com/new"


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.DEAD])
async def test_a_delivery_that_has_ended_can_be_replayed(office: Office, status: DeliveryStatus) -> None:
    delivery = await ended(office, await delivery_of(office), status)

    assert await office.webhooks.replay(delivery.id)

    now = await reloaded(office, delivery)
    assert (now.status, now.tried, now.begun) == (DeliveryStatus.PENDING, 1, 1)
    assert now.next_at
    assert (delivery.id, 2) in await office.queued()


async def test_replaying_what_is_still_to_be_tried_changes_nothing(office: Office) -> None:
    delivery = await delivery_of(office)

    assert await office.webhooks.replay(delivery.id)

    assert (delivery, [(delivery.id, 1)]) == (await reloaded(office, delivery), await office.queued())


async def test_what_is_gone_can_be_neither_tried_nor_replayed(office: Office) -> None:
    delivery = await delivery_of(office)
    await office.jobs.erase(NEW.id)

    assert not await office.webhooks.record(delivery, failed(delivery), 5.0)
    assert not await office.webhooks.replay(delivery.id)
    assert await office.webhooks.load(delivery.id) is None
    assert await office.queued() == []


async def listed(
    office: Office,
    status: DeliveryStatus | None = None,
    job_id: str | None = None,
    owner: str = "ada",
    limit: int = 100,
) -> list[str]:
    """All ids, page by page."""
    ids: list[str] = []
    before: str | None = None
    while True:
        page = await office.webhooks.list(owner, status, job_id, limit, before)
        ids += [each.id for each in page.deliveries]
        assert len(page.deliveries) == limit or page.next is None
        if (before := page.next) is None:
            return ids


async def many(office: Office, count: int) -> list[str]:
    """The ids of so many deliveries, the newest first."""
    made = [await delivery_of(office, replace(TOLD, id=f"job{at:03}")) for at in range(count)]
    return [each.id for each in sorted(made, key=lambda each: each.sort_key, reverse=True)]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_deliveries_are_listed_newest_first_page_by_page(office: Office, limit: int) -> None:
    expected = await many(office, 7)

    assert expected == await listed(office, limit=limit)


async def test_a_list_tells_all_of_a_delivery(office: Office) -> None:
    delivery = await ended(office, await delivery_of(office))

    page = await office.webhooks.list("ada", None, None, 10)

    assert (delivery,) == page.deliveries


async def test_deliveries_are_listed_by_status(office: Office) -> None:
    pending, delivered, dead = await many(office, 3)
    for delivery_id, status in ((delivered, DeliveryStatus.DELIVERED), (dead, DeliveryStatus.DEAD)):
        delivery = await office.webhooks.load(delivery_id)
        assert delivery
        await ended(office, delivery, status)

    assert [[pending], [delivered], [dead]] == [await listed(office, status) for status in DeliveryStatus]


async def test_deliveries_are_listed_by_job(office: Office) -> None:
    first = await delivery_of(office, replace(TOLD, id="a"))
    await delivery_of(office, replace(TOLD, id="b"))
    await ended(office, first, DeliveryStatus.DEAD)

    assert [first.id] == await listed(office, job_id="a")
    assert [first.id] == await listed(office, DeliveryStatus.DEAD, "a")
    assert await listed(office, DeliveryStatus.PENDING, "a") == []


async def test_owners_see_nothing_of_each_other(office: Office) -> None:
    mine = await delivery_of(office, replace(TOLD, id="a", owner="a:b"))
    await delivery_of(office, replace(TOLD, id="b", owner="a"))

    assert [mine.id] == await listed(office, owner="a:b")
    assert await listed(office, job_id="b", owner="a:b") == []


async def test_erased_jobs_leave_no_delivery_in_a_list(office: Office) -> None:
    first, second = await many(office, 2)
    await office.jobs.erase("job000")

    assert [first] == await listed(office)
    assert [first] == await listed(office, DeliveryStatus.PENDING)
    assert await listed(office, job_id="job000") == []
    assert await office.webhooks.load(second) is None


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_store_that_does_not_answer_is_unavailable(kind: str) -> None:
    away: WebhookStore = MemoryWebhooks(away=True)
    if kind == "redis":
        away = RedisWebhooks(Redis(unix_socket_path="/nowhere/valkey.sock"))
    delivery = await delivery_of(MemoryOffice())

    for call in (
        away.endpoint("ada"),
        away.set_endpoint("ada", HOOK),
        away.remove_endpoint("ada"),
        away.secrets("ada", "whsec_one"),
        away.rotate("ada", "whsec_one", DAY),
        away.load("a"),
        away.list("ada", None, None, 1),
        away.record(delivery, failed(delivery), None),
        away.replay("a"),
    ):
        with pytest.raises(StoreUnavailableError):
            await call
