"""What every store of webhooks promises of endpoints and secrets."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from aether.domain.job import Status
from aether.domain.webhook import DeliveryStatus, Endpoint, Webhook
from tests.contract.benches import NEW, brought_to
from tests.contract.webhook_offices import (
    DAY,
    HOOK,
    Office,
    delivery_of,
    failed,
    office_of,
)


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def office(request: pytest.FixtureRequest) -> Office:
    return office_of(request)


async def test_the_owners_endpoint_is_told_of_jobs_without_a_webhook(office: Office) -> None:
    await office.webhooks.set_endpoint("ada", HOOK)

    delivery = await delivery_of(office, NEW)

    assert (HOOK.url, False) == (delivery.url, delivery.own)


async def test_a_jobs_own_webhook_takes_the_place_of_the_endpoint(office: Office) -> None:
    await office.webhooks.set_endpoint("ada", Webhook("https://example.com/default"))

    delivery = await delivery_of(office)

    assert (HOOK.url, True, 1) == (delivery.url, delivery.own, len(await office.queued()))


async def test_another_owners_endpoint_is_told_nothing(office: Office) -> None:
    await office.webhooks.set_endpoint("a", HOOK)

    await brought_to(office.jobs, Status.COMPLETED, replace(NEW, owner="a:b"))

    assert await office.queued() == []


async def test_an_endpoint_can_be_set_replaced_and_removed(office: Office) -> None:
    assert await office.webhooks.endpoint("ada") is None

    for webhook in (HOOK, Webhook("https://example.com/b", frozenset({Status.FAILED}))):
        await office.webhooks.set_endpoint("ada", webhook)
        assert Endpoint(webhook) == await office.webhooks.endpoint("ada")
    for _ in range(2):
        await office.webhooks.remove_endpoint("ada")
        assert await office.webhooks.endpoint("ada") is None


@pytest.mark.parametrize(("url", "expected"), [(HOOK.url, True), ("https://example.com/new", False)])
async def test_an_endpoint_is_disabled_unless_another_address_was_set_meanwhile(
    office: Office, url: str, *, expected: bool
) -> None:
    await office.webhooks.set_endpoint("ada", HOOK)
    delivery = await delivery_of(office, NEW)
    await office.webhooks.set_endpoint("ada", Webhook(url))

    await office.webhooks.record(replace(delivery, status=DeliveryStatus.DEAD), failed(delivery), None, disable=True)

    endpoint = await office.webhooks.endpoint("ada")
    assert endpoint
    assert expected is (endpoint.disabled_at is not None)


async def test_a_disabled_endpoint_is_told_nothing_until_it_is_set_again(office: Office) -> None:
    await office.webhooks.set_endpoint("ada", HOOK)
    delivery = await delivery_of(office, NEW)
    await office.webhooks.record(replace(delivery, status=DeliveryStatus.DEAD), failed(delivery), None, disable=True)
    before = await office.queued()

    await brought_to(office.jobs, Status.COMPLETED, replace(NEW, id="b"))
    assert before == await office.queued()

    await office.webhooks.set_endpoint("ada", HOOK)
    await brought_to(office.jobs, Status.COMPLETED, replace(NEW, id="c"))
    assert len(before) + 1 == len(await office.queued())


async def test_the_first_secret_stays(office: Office) -> None:
    (first,) = await office.webhooks.secrets("ada", "whsec_one")

    assert (first.value, first.until) == ("whsec_one", None)
    assert (first,) == await office.webhooks.secrets("ada", "whsec_two")
    assert [each.value for each in await office.webhooks.secrets("bob", "whsec_three")] == ["whsec_three"]


async def test_a_rotated_secret_stays_valid_for_a_while(office: Office) -> None:
    await office.webhooks.secrets("ada", "whsec_one")

    newest, older = await office.webhooks.rotate("ada", "whsec_two", DAY)

    assert (newest.value, newest.until, older.value) == ("whsec_two", None, "whsec_one")
    assert older.until
    assert (newest, older) == await office.webhooks.secrets("ada", "whsec_three")


async def test_a_secret_whose_time_is_up_is_gone(office: Office) -> None:
    await office.webhooks.secrets("ada", "whsec_one")
    await office.webhooks.rotate("ada", "whsec_two", timedelta(0))

    assert [each.value for each in await office.webhooks.secrets("ada", "whsec_three")] == ["whsec_two"]


async def test_secrets_can_be_rotated_again_while_the_older_ones_are_valid(office: Office) -> None:
    for number in range(8):
        latest = await office.webhooks.rotate("ada", f"whsec_{number}", DAY - timedelta(hours=8 - number))

    assert [f"whsec_{number}" for number in (7, 6, 5, 4, 3)] == [each.value for each in latest]
