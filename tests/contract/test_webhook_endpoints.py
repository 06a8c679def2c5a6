"""Webhook store: what every implementation promises about endpoints and secrets."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from aether.adapters.redis.keys import ENDPOINT
from aether.domain.job import Status
from aether.domain.webhook import DeliveryStatus, Endpoint, Webhook
from tests.contract.job_store_harness import NEW_JOB, RedisJobStoreHarness, job_with_status
from tests.contract.webhook_harness import (
    DAY,
    WEBHOOK,
    RedisWebhookHarness,
    WebhookHarness,
    create_delivery,
    failed_attempt,
    webhook_harness_for,
)


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def webhook_harness(request: pytest.FixtureRequest) -> WebhookHarness:
    return webhook_harness_for(request)


async def test_jobs_without_a_webhook_use_the_owners_endpoint(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.set_endpoint("ada", WEBHOOK)

    delivery = await create_delivery(webhook_harness, NEW_JOB)

    assert (WEBHOOK.url, False) == (delivery.url, delivery.per_job)


async def test_a_jobs_own_webhook_replaces_the_endpoint(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.set_endpoint("ada", Webhook("https://example.com/default"))

    delivery = await create_delivery(webhook_harness)

    assert (WEBHOOK.url, True, 1) == (delivery.url, delivery.per_job, len(await webhook_harness.queued()))


async def test_another_owners_endpoint_is_not_used(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.set_endpoint("a", WEBHOOK)

    await job_with_status(webhook_harness.jobs, Status.COMPLETED, replace(NEW_JOB, owner="a:b"))

    assert await webhook_harness.queued() == []


async def test_an_endpoint_can_be_set_replaced_and_removed(webhook_harness: WebhookHarness) -> None:
    assert await webhook_harness.webhooks.endpoint("ada") is None

    for webhook in (WEBHOOK, Webhook("https://example.com/b", frozenset({Status.FAILED}))):
        await webhook_harness.webhooks.set_endpoint("ada", webhook)
        assert Endpoint(webhook) == await webhook_harness.webhooks.endpoint("ada")
    for _ in range(2):
        await webhook_harness.webhooks.remove_endpoint("ada")
        assert await webhook_harness.webhooks.endpoint("ada") is None


@pytest.mark.parametrize(("url", "expected"), [(WEBHOOK.url, True), ("https://example.com/new", False)])
async def test_an_endpoint_is_disabled_unless_its_url_was_changed(
    webhook_harness: WebhookHarness, url: str, *, expected: bool
) -> None:
    await webhook_harness.webhooks.set_endpoint("ada", WEBHOOK)
    delivery = await create_delivery(webhook_harness, NEW_JOB)
    await webhook_harness.webhooks.set_endpoint("ada", Webhook(url))

    await webhook_harness.webhooks.record(
        replace(delivery, status=DeliveryStatus.DEAD), failed_attempt(delivery), None, disable=True
    )

    endpoint = await webhook_harness.webhooks.endpoint("ada")
    assert endpoint
    assert expected is (endpoint.disabled_at is not None)


async def test_a_disabled_endpoint_is_not_used_until_it_is_set_again(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.set_endpoint("ada", WEBHOOK)
    delivery = await create_delivery(webhook_harness, NEW_JOB)
    await webhook_harness.webhooks.record(
        replace(delivery, status=DeliveryStatus.DEAD), failed_attempt(delivery), None, disable=True
    )
    before = await webhook_harness.queued()

    await job_with_status(webhook_harness.jobs, Status.COMPLETED, replace(NEW_JOB, id="b"))
    assert before == await webhook_harness.queued()

    await webhook_harness.webhooks.set_endpoint("ada", WEBHOOK)
    await job_with_status(webhook_harness.jobs, Status.COMPLETED, replace(NEW_JOB, id="c"))
    assert len(before) + 1 == len(await webhook_harness.queued())


async def test_the_first_secret_stays(webhook_harness: WebhookHarness) -> None:
    (first,) = await webhook_harness.webhooks.secrets("ada", "whsec_one")

    assert (first.value, first.until) == ("whsec_one", None)
    assert (first,) == await webhook_harness.webhooks.secrets("ada", "whsec_two")
    assert [each.value for each in await webhook_harness.webhooks.secrets("bob", "whsec_three")] == ["whsec_three"]


async def test_a_rotated_secret_stays_valid_for_a_while(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.secrets("ada", "whsec_one")

    newest, older = await webhook_harness.webhooks.rotate("ada", "whsec_two", DAY)

    assert (newest.value, newest.until, older.value) == ("whsec_two", None, "whsec_one")
    assert older.until
    assert (newest, older) == await webhook_harness.webhooks.secrets("ada", "whsec_three")


async def test_an_expired_secret_is_removed(webhook_harness: WebhookHarness) -> None:
    await webhook_harness.webhooks.secrets("ada", "whsec_one")
    await webhook_harness.webhooks.rotate("ada", "whsec_two", timedelta(0))

    assert [each.value for each in await webhook_harness.webhooks.secrets("ada", "whsec_three")] == ["whsec_two"]


async def test_secrets_can_be_rotated_again_while_the_older_ones_are_valid(webhook_harness: WebhookHarness) -> None:
    for number in range(8):
        latest = await webhook_harness.webhooks.rotate("ada", f"whsec_{number}", DAY - timedelta(hours=8 - number))

    assert [f"whsec_{number}" for number in (7, 6, 5, 4, 3)] == [each.value for each in latest]


async def test_an_endpoint_may_subscribe_to_events_of_a_newer_version(redis_harness: RedisJobStoreHarness) -> None:
    harness = RedisWebhookHarness(redis_harness.client)
    fields = {"url": WEBHOOK.url, "events": "|failed|paused|", "label": "x"}
    # redis-py types the answers of its two kinds of client as one.
    await harness.client.hset(ENDPOINT + "ada", mapping=fields)  # type: ignore[misc]

    endpoint = await harness.webhooks.endpoint("ada")
    delivery = await create_delivery(harness, NEW_JOB, Status.FAILED)

    assert endpoint == Endpoint(Webhook(WEBHOOK.url, frozenset({Status.FAILED, Status("paused")})))
    assert delivery.url == WEBHOOK.url
