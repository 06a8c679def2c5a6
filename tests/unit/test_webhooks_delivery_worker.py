from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from aether.domain.job import Kind, Status
from aether.domain.webhook import Delivery, DeliveryStatus, Endpoint, Try, Webhook
from aether.errors import StoreUnavailableError
from aether.webhooks.delivery_worker import DeliveryPolicy, DeliveryWorker
from aether.webhooks.http_client import DeliveryResponse
from aether.webhooks.retry_schedule import RetrySchedule
from tests.fake_webhooks import LIFE, MemoryWebhooks
from tests.fakes import FastClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://example.com/hook"
DELIVERY = Delivery(
    id="4f9c-7",
    owner="ada",
    job_id="4f9c",
    kind=Kind.REPORT,
    event=Status.COMPLETED,
    version=7,
    url=URL,
    own=True,
    status=DeliveryStatus.PENDING,
    created_at=NOW,
    expires_at=NOW + LIFE,
    next_at=NOW,
)
DEFAULT = replace(DELIVERY, own=False)
FAILED = DeliveryResponse(500, "The receiver answered 500.")


@dataclass
class ScriptedPost:
    """Gives these answers in turn, and the last one for ever."""

    answers: list[DeliveryResponse] = field(default_factory=lambda: [DeliveryResponse(204, seconds=0.25)])
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        self.sent.append((url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Office:
    """A courier with all that it needs, and one delivery."""

    delivery: Delivery = DELIVERY
    post: ScriptedPost = field(default_factory=ScriptedPost)
    clock: FastClock = field(default_factory=FastClock)
    public_url: str = ""

    def __post_init__(self) -> None:
        self.store = MemoryWebhooks(self.clock, deliveries={self.delivery.id: self.delivery})
        terms = DeliveryPolicy(RetrySchedule((5.0, 300.0)), self.public_url)
        self.courier = DeliveryWorker(self.store, self.post, self.clock, terms, lambda: 0.5)

    @property
    def now(self) -> Delivery:
        return self.store.deliveries[DELIVERY.id]

    async def deliver(self, number: int = 1) -> Delivery:
        await self.courier.deliver(DELIVERY.id, number)
        return self.now


def answering(*answers: DeliveryResponse) -> Office:
    return Office(post=ScriptedPost(list(answers)))


async def test_a_delivery_that_is_taken_is_done() -> None:
    delivery = await Office().deliver()

    assert (delivery.status, delivery.tried, delivery.next_at) == (DeliveryStatus.DELIVERED, 1, None)
    assert (Try(1, NOW, 0.25, 204),) == delivery.tries


async def test_a_delivery_that_fails_is_tried_again_after_the_schedules_wait() -> None:
    office = answering(FAILED)

    delivery = await office.deliver()

    due = NOW + timedelta(seconds=5)
    assert (DeliveryStatus.PENDING, due) == (delivery.status, delivery.next_at)
    assert (Try(1, NOW, 0.0, 500, "The receiver answered 500.", due),) == delivery.tries
    assert [(DELIVERY.id, 2, 5.0)] == office.store.queue


async def test_a_delivery_whose_schedule_is_used_up_is_dead_and_kept() -> None:
    office = answering(FAILED)

    for number in (1, 2, 3):
        delivery = await office.deliver(number)

    assert (delivery.status, delivery.tried, delivery.next_at) == (DeliveryStatus.DEAD, 3, None)
    assert [wait for _, _, wait in office.store.queue] == [5.0, 300.0]


async def test_the_receivers_own_pause_is_kept() -> None:
    office = answering(replace(FAILED, retry_after=3_600.0))

    delivery = await office.deliver()

    assert NOW + timedelta(hours=1) == delivery.next_at


async def test_a_receiver_that_is_gone_is_not_asked_again() -> None:
    office = answering(DeliveryResponse(410, "The receiver answered 410."))

    delivery = await office.deliver()

    assert (delivery.status, office.store.queue) == (DeliveryStatus.DEAD, [])


async def test_a_default_endpoint_that_is_gone_is_disabled() -> None:
    office = Office(DEFAULT, ScriptedPost([DeliveryResponse(410, "The receiver answered 410.")]))
    office.store.endpoints["ada"] = Endpoint(Webhook(URL))

    await office.deliver()

    assert office.store.endpoints["ada"].disabled_at == NOW


async def test_an_address_of_one_job_says_nothing_about_the_default_endpoint() -> None:
    office = answering(DeliveryResponse(410, "The receiver answered 410."))
    office.store.endpoints["ada"] = Endpoint(Webhook(URL))

    await office.deliver()

    assert office.store.endpoints["ada"].disabled_at is None


async def test_a_default_endpoint_is_asked_where_it_is_now() -> None:
    """Who mends a wrong address need not wait for the next job."""
    office = Office(DEFAULT)
    office.store.endpoints["ada"] = Endpoint(Webhook("https://example.com/new"))

    delivery = await office.deliver()

    assert [url for url, _, _ in office.post.sent] == ["https://example.com/new"]
    assert delivery.url == "https://example.com/new"


@pytest.mark.parametrize("endpoint", [None, Endpoint(Webhook(URL), NOW)])
async def test_without_an_endpoint_a_delivery_is_dead_at_once(endpoint: Endpoint | None) -> None:
    office = Office(DEFAULT)
    if endpoint:
        office.store.endpoints["ada"] = endpoint

    delivery = await office.deliver()

    assert delivery.status == DeliveryStatus.DEAD
    assert [each.error for each in delivery.tries] == ["No endpoint is set, or it is disabled."]
    assert office.post.sent == []


@pytest.mark.parametrize("number", [0, 2, 3])
async def test_a_try_that_is_not_awaited_is_not_made(number: int) -> None:
    office = Office()

    delivery = await office.deliver(number)

    assert (office.post.sent, delivery) == ([], DELIVERY)


async def test_a_try_that_is_called_twice_is_made_once() -> None:
    office = answering(FAILED)

    await office.deliver(1)
    await office.deliver(1)

    assert (len(office.post.sent), office.now.tried) == (1, 1)


async def test_a_delivery_that_was_erased_is_not_made() -> None:
    office = Office()
    office.store.forget("4f9c")

    await office.courier.deliver(DELIVERY.id, 1)

    assert office.post.sent == []


async def test_a_replay_begins_the_schedule_anew() -> None:
    office = answering(FAILED)
    for number in (1, 2, 3):
        await office.deliver(number)

    await office.store.replay(DELIVERY.id)
    delivery = await office.deliver(4)

    assert (delivery.status, delivery.tried) == (DeliveryStatus.PENDING, 4)
    assert (DELIVERY.id, 5, 5.0) == office.store.queue[-1]


async def test_every_try_has_the_same_id_and_body_but_its_own_time() -> None:
    office = answering(FAILED, DeliveryResponse(204))

    await office.deliver(1)
    office.clock.seconds += 5
    await office.deliver(2)

    (_, first, body), (_, second, again) = office.post.sent
    assert (DELIVERY.id, DELIVERY.id, body) == (first["webhook-id"], second["webhook-id"], again)
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5


async def test_the_body_tells_what_happened_and_where_to_see_it() -> None:
    office = Office(public_url="https://aether.example.com/")

    await office.deliver()

    ((_, _, body),) = office.post.sent
    assert body == (
        b'{"type":"report.completed","timestamp":"2026-01-01T00:00:00Z","data":{"id":"4f9c","kind":"report",'
        b'"status":"completed","version":7,"href":"https://aether.example.com/reports/4f9c"}}'
    )


async def test_while_the_store_is_away_a_try_is_not_counted() -> None:
    office = Office()
    office.store.away = True

    with pytest.raises(StoreUnavailableError):
        await office.deliver()

    assert office.now == DELIVERY


async def test_a_delivery_that_kills_its_worker_is_given_up() -> None:
    office = Office()

    await office.courier.bury(DELIVERY.id, 1, "poison")

    assert (office.now.status, [each.error for each in office.now.tries]) == (DeliveryStatus.DEAD, ["poison"])
