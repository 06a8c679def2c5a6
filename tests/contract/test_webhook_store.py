"""Webhook store: what every implementation promises about deliveries."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.webhooks import RedisWebhooks
from aether.domain.job import ENDED, RETRYABLE, Change, Kind, Status
from aether.domain.webhook import Delivery, DeliveryStatus, Webhook
from aether.errors import StoreUnavailableError
from aether.services.webhooks import WebhookStore
from tests.contract.job_store_harness import NEW_JOB, begin_job, job_with_status
from tests.contract.webhook_harness import (
    DAY,
    JOB_WITH_WEBHOOK,
    WEBHOOK,
    MemoryWebhookHarness,
    WebhookHarness,
    create_delivery,
    end_delivery,
    failed_attempt,
    reload_delivery,
    webhook_harness_for,
)
from tests.fake_webhooks import MemoryWebhooks


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def webhook_harness(request: pytest.FixtureRequest) -> WebhookHarness:
    return webhook_harness_for(request)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", sorted(ENDED))
async def test_the_end_of_a_job_makes_a_delivery_and_queues_its_first_attempt(
    webhook_harness: WebhookHarness, status: Status, kind: Kind
) -> None:
    delivery = await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, kind=kind), status)

    job = await webhook_harness.jobs.load(NEW_JOB.id)
    assert job
    expected = Delivery(
        id=f"{NEW_JOB.id}-{job.version}",
        owner="ada",
        job_id=NEW_JOB.id,
        kind=kind,
        event=status,
        version=job.version,
        url=WEBHOOK.url,
        per_job=True,
        status=DeliveryStatus.PENDING,
        created_at=delivery.created_at,
        expires_at=delivery.expires_at,
        next_at=delivery.created_at,
    )
    assert expected == delivery
    assert [(delivery.id, 1)] == await webhook_harness.queued()


async def test_there_is_no_delivery_before_the_end(webhook_harness: WebhookHarness) -> None:
    await begin_job(webhook_harness.jobs, JOB_WITH_WEBHOOK)

    assert await webhook_harness.queued() == []


async def test_without_a_webhook_there_is_no_delivery(webhook_harness: WebhookHarness) -> None:
    await job_with_status(webhook_harness.jobs, Status.COMPLETED)

    assert await webhook_harness.queued() == []


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_only_subscribed_events_are_delivered(webhook_harness: WebhookHarness, status: Status) -> None:
    others = Webhook(WEBHOOK.url, ENDED - {status})

    await job_with_status(webhook_harness.jobs, status, replace(NEW_JOB, webhook=others))

    assert await webhook_harness.queued() == []


async def test_a_repeated_commit_makes_one_delivery(webhook_harness: WebhookHarness) -> None:
    job = await begin_job(webhook_harness.jobs, JOB_WITH_WEBHOOK)

    for _ in range(2):
        await webhook_harness.jobs.commit(job.id, job.epoch, job.version, Change(status=Status.COMPLETED))

    assert len(await webhook_harness.queued()) == 1


@pytest.mark.parametrize("status", sorted(RETRYABLE))
async def test_a_job_that_ends_again_makes_another_delivery(webhook_harness: WebhookHarness, status: Status) -> None:
    first = await create_delivery(webhook_harness, status=status)
    await webhook_harness.jobs.move(NEW_JOB.id, Change(status=Status.PENDING))
    await webhook_harness.jobs.move(NEW_JOB.id, Change(status=Status.CANCELLED))

    queued = [delivery_id for delivery_id, _ in await webhook_harness.queued()]
    assert (len(set(queued)), first.id in queued) == (2, True)


async def test_an_attempt_is_stored_and_the_next_one_queued(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness)

    kept = await webhook_harness.webhooks.record(delivery, failed_attempt(delivery), 300.0)

    now = await reload_delivery(webhook_harness, delivery)
    assert (True, 1, (failed_attempt(delivery),), DeliveryStatus.PENDING) == (
        kept,
        now.attempt_count,
        now.attempts,
        now.status,
    )
    assert now.next_at
    assert timedelta(seconds=295) < now.next_at - delivery.created_at < timedelta(seconds=400)
    assert (delivery.id, 2) in await webhook_harness.queued()


async def test_the_last_attempt_ends_the_delivery_and_queues_nothing(webhook_harness: WebhookHarness) -> None:
    delivery = await end_delivery(webhook_harness, await create_delivery(webhook_harness), DeliveryStatus.DEAD)

    assert (delivery.status, delivery.next_at) == (DeliveryStatus.DEAD, None)
    assert (delivery.id, 2) not in await webhook_harness.queued()


@pytest.mark.parametrize("number", [0, 2, 7])
async def test_an_unexpected_attempt_changes_nothing(webhook_harness: WebhookHarness, number: int) -> None:
    delivery = await create_delivery(webhook_harness)

    assert not await webhook_harness.webhooks.record(delivery, failed_attempt(delivery, number), 5.0)

    assert delivery == await reload_delivery(webhook_harness, delivery)


async def test_an_attempt_after_the_end_changes_nothing(webhook_harness: WebhookHarness) -> None:
    delivery = await end_delivery(webhook_harness, await create_delivery(webhook_harness))

    assert not await webhook_harness.webhooks.record(delivery, failed_attempt(delivery, 2), 5.0)

    assert delivery == await reload_delivery(webhook_harness, delivery)


async def test_the_latest_attempts_are_kept(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness)

    for number in range(1, 54):
        await webhook_harness.webhooks.record(delivery, failed_attempt(delivery, number), 5.0)

    now = await reload_delivery(webhook_harness, delivery)
    assert (53, list(range(4, 54))) == (now.attempt_count, [each.number for each in now.attempts])


async def test_a_delivery_has_its_latest_url(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness)

    await webhook_harness.webhooks.record(
        replace(delivery, url="https://example.com/new"), failed_attempt(delivery), 5.0
    )

    assert (await reload_delivery(webhook_harness, delivery)).url == "https://example.com/new"


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.DEAD])
async def test_a_delivery_that_has_ended_can_be_replayed(
    webhook_harness: WebhookHarness, status: DeliveryStatus
) -> None:
    delivery = await end_delivery(webhook_harness, await create_delivery(webhook_harness), status)

    assert await webhook_harness.webhooks.replay(delivery.id)

    now = await reload_delivery(webhook_harness, delivery)
    assert (now.status, now.attempt_count, now.attempts_before_replay) == (DeliveryStatus.PENDING, 1, 1)
    assert now.next_at
    assert (delivery.id, 2) in await webhook_harness.queued()


async def test_replaying_a_pending_delivery_changes_nothing(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness)

    assert await webhook_harness.webhooks.replay(delivery.id)

    assert (delivery, [(delivery.id, 1)]) == (
        await reload_delivery(webhook_harness, delivery),
        await webhook_harness.queued(),
    )


async def test_a_missing_delivery_can_be_neither_attempted_nor_replayed(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness)
    await webhook_harness.jobs.erase(NEW_JOB.id)

    assert not await webhook_harness.webhooks.record(delivery, failed_attempt(delivery), 5.0)
    assert not await webhook_harness.webhooks.replay(delivery.id)
    assert await webhook_harness.webhooks.load(delivery.id) is None
    assert await webhook_harness.queued() == []


async def listed(
    webhook_harness: WebhookHarness,
    status: DeliveryStatus | None = None,
    job_id: str | None = None,
    owner: str = "ada",
    limit: int = 100,
) -> list[str]:
    """Return all ids, read page by page."""
    ids: list[str] = []
    before: str | None = None
    while True:
        page = await webhook_harness.webhooks.list(owner, status, job_id, limit, before)
        ids += [each.id for each in page.deliveries]
        assert len(page.deliveries) == limit or page.next is None
        if (before := page.next) is None:
            return ids


async def many(webhook_harness: WebhookHarness, count: int) -> list[str]:
    """Create this many deliveries, and return their ids, newest first."""
    made = [await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id=f"job{at:03}")) for at in range(count)]
    return [each.id for each in sorted(made, key=lambda each: each.sort_key, reverse=True)]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_deliveries_are_listed_newest_first_page_by_page(webhook_harness: WebhookHarness, limit: int) -> None:
    expected = await many(webhook_harness, 7)

    assert expected == await listed(webhook_harness, limit=limit)


async def test_a_list_has_all_fields_of_a_delivery(webhook_harness: WebhookHarness) -> None:
    delivery = await end_delivery(webhook_harness, await create_delivery(webhook_harness))

    page = await webhook_harness.webhooks.list("ada", None, None, 10)

    assert (delivery,) == page.deliveries


async def test_deliveries_are_listed_by_status(webhook_harness: WebhookHarness) -> None:
    pending, delivered, dead = await many(webhook_harness, 3)
    for delivery_id, status in ((delivered, DeliveryStatus.DELIVERED), (dead, DeliveryStatus.DEAD)):
        delivery = await webhook_harness.webhooks.load(delivery_id)
        assert delivery
        await end_delivery(webhook_harness, delivery, status)

    assert [[pending], [delivered], [dead]] == [await listed(webhook_harness, status) for status in DeliveryStatus]


async def test_deliveries_are_listed_by_job(webhook_harness: WebhookHarness) -> None:
    first = await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id="a"))
    await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id="b"))
    await end_delivery(webhook_harness, first, DeliveryStatus.DEAD)

    assert [first.id] == await listed(webhook_harness, job_id="a")
    assert [first.id] == await listed(webhook_harness, DeliveryStatus.DEAD, "a")
    assert await listed(webhook_harness, DeliveryStatus.PENDING, "a") == []


async def test_owners_see_nothing_of_each_other(webhook_harness: WebhookHarness) -> None:
    mine = await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id="a", owner="a:b"))
    await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, id="b", owner="a"))

    assert [mine.id] == await listed(webhook_harness, owner="a:b")
    assert await listed(webhook_harness, job_id="b", owner="a:b") == []


async def test_erased_jobs_leave_no_delivery_in_a_list(webhook_harness: WebhookHarness) -> None:
    first, second = await many(webhook_harness, 2)
    await webhook_harness.jobs.erase("job000")

    assert [first] == await listed(webhook_harness)
    assert [first] == await listed(webhook_harness, DeliveryStatus.PENDING)
    assert await listed(webhook_harness, job_id="job000") == []
    assert await webhook_harness.webhooks.load(second) is None


async def test_a_delivery_of_a_newer_version_is_shown_in_its_own_words(webhook_harness: WebhookHarness) -> None:
    """While a release is rolled out or rolled back, an older process reads what a newer one has stored."""
    delivery = await create_delivery(webhook_harness)
    newer = replace(delivery, kind=Kind("podcast"), event=Status("paused"), status=DeliveryStatus("scheduled"))
    await webhook_harness.rewrite(newer)

    assert await reload_delivery(webhook_harness, delivery) == newer
    assert await listed(webhook_harness) == [delivery.id]
    assert await listed(webhook_harness, job_id=NEW_JOB.id) == [delivery.id]


async def test_a_delivery_with_an_unknown_status_is_neither_attempted_nor_replayed(
    webhook_harness: WebhookHarness,
) -> None:
    delivery = await create_delivery(webhook_harness)
    newer = replace(delivery, status=DeliveryStatus("scheduled"))
    await webhook_harness.rewrite(newer)
    queued = await webhook_harness.queued()

    kept = await webhook_harness.webhooks.record(delivery, failed_attempt(delivery), 5.0)
    replayed = await webhook_harness.webhooks.replay(delivery.id)

    assert (kept, replayed) == (False, True)
    assert (await reload_delivery(webhook_harness, delivery), await webhook_harness.queued()) == (newer, queued)


async def test_the_end_of_a_job_of_an_unknown_kind_makes_a_delivery(webhook_harness: WebhookHarness) -> None:
    delivery = await create_delivery(webhook_harness, replace(JOB_WITH_WEBHOOK, kind=Kind("podcast")))

    assert (delivery.kind, await webhook_harness.queued()) == ("podcast", [(delivery.id, 1)])


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_store_that_does_not_answer_is_unavailable(kind: str) -> None:
    away: WebhookStore = MemoryWebhooks(is_unavailable=True)
    if kind == "redis":
        away = RedisWebhooks(Redis(unix_socket_path="/nowhere/valkey.sock"))
    delivery = await create_delivery(MemoryWebhookHarness())

    for call in (
        away.endpoint("ada"),
        away.set_endpoint("ada", WEBHOOK),
        away.remove_endpoint("ada"),
        away.secrets("ada", "whsec_one"),
        away.rotate("ada", "whsec_one", DAY),
        away.load("a"),
        away.list("ada", None, None, 1),
        away.record(delivery, failed_attempt(delivery), None),
        away.replay("a"),
    ):
        with pytest.raises(StoreUnavailableError):
            await call
