from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
from msgspec.structs import replace

from aether.bootstrap.webhooks import job_link
from aether.domain.job import Kind, Status
from aether.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus, Endpoint, Webhook
from aether.durable.ports import Clock
from aether.errors import StoreUnavailableError, UnsupportedRecordError
from aether.webhooks.delivery_worker import DeliveryPolicy, DeliveryWorker
from aether.webhooks.http_client import DeliveryResponse
from aether.webhooks.retry_schedule import RetrySchedule
from tests.fake_webhooks import DELIVERY_TTL, MemoryWebhooks
from tests.fakes import FastClock, ShiftedClock

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
    per_job=True,
    status=DeliveryStatus.PENDING,
    created_at=NOW,
    expires_at=NOW + DELIVERY_TTL,
    next_at=NOW,
)
DEFAULT = replace(DELIVERY, per_job=False)
FAILED = DeliveryResponse(500, "The receiver answered 500.")


@dataclass
class ScriptedClient:
    """Returns these answers in turn, then the last one forever."""

    answers: list[DeliveryResponse] = field(default_factory=lambda: [DeliveryResponse(204, seconds=0.25)])
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
        self.sent.append((url, headers, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Bench:
    """A delivery worker over fakes, with one delivery."""

    delivery: Delivery = DELIVERY
    client: ScriptedClient = field(default_factory=ScriptedClient)
    clock: FastClock = field(default_factory=FastClock)

    def __post_init__(self) -> None:
        self.store = MemoryWebhooks(self.clock, deliveries={self.delivery.id: self.delivery})
        self.worker = self.worker_with(self.clock)

    def worker_with(self, clock: Clock) -> DeliveryWorker:
        policy = DeliveryPolicy(RetrySchedule((5.0, 300.0)), partial(job_link, ""))
        return DeliveryWorker(self.store, self.client, clock, policy, lambda: 0.5)

    @property
    def current(self) -> Delivery:
        return self.store.deliveries[DELIVERY.id]

    async def deliver(self, number: int = 1) -> Delivery:
        await self.worker.deliver(DELIVERY.id, number)
        return self.current


def answering(*answers: DeliveryResponse) -> Bench:
    return Bench(client=ScriptedClient(list(answers)))


async def test_an_accepted_delivery_is_delivered() -> None:
    delivery = await Bench().deliver()

    assert (delivery.status, delivery.attempt_count, delivery.next_at) == (DeliveryStatus.DELIVERED, 1, None)
    assert (DeliveryAttempt(1, NOW, 0.25, 204),) == delivery.attempts


@pytest.mark.parametrize("hours", [-1, 1])
async def test_signatures_and_times_are_by_the_clock_of_the_store(hours: int) -> None:
    bench = answering(FAILED)
    bench.worker = bench.worker_with(ShiftedClock(bench.clock, timedelta(hours=hours)))

    [attempt] = (await bench.deliver()).attempts

    assert (attempt.at, attempt.next_at) == (NOW, NOW + timedelta(seconds=5))
    assert bench.client.sent[0][1]["webhook-timestamp"] == str(int(NOW.timestamp()))


async def test_a_failed_delivery_is_retried_after_the_schedules_wait() -> None:
    bench = answering(FAILED)

    delivery = await bench.deliver()

    due = NOW + timedelta(seconds=5)
    assert (DeliveryStatus.PENDING, due) == (delivery.status, delivery.next_at)
    assert (DeliveryAttempt(1, NOW, 0.0, 500, "The receiver answered 500.", due),) == delivery.attempts
    assert [(DELIVERY.id, 2, 5.0)] == bench.store.queue


async def test_a_delivery_is_dead_when_its_retries_are_used_up() -> None:
    bench = answering(FAILED)

    for number in (1, 2, 3):
        delivery = await bench.deliver(number)

    assert (delivery.status, delivery.attempt_count, delivery.next_at) == (DeliveryStatus.DEAD, 3, None)
    assert [wait for _, _, wait in bench.store.queue] == [5.0, 300.0]


async def test_retry_after_delays_the_next_attempt() -> None:
    bench = answering(replace(FAILED, retry_after=3_600.0))

    delivery = await bench.deliver()

    assert NOW + timedelta(hours=1) == delivery.next_at


async def test_a_delivery_is_not_retried_after_410() -> None:
    bench = answering(DeliveryResponse(410, "The receiver answered 410."))

    delivery = await bench.deliver()

    assert (delivery.status, bench.store.queue) == (DeliveryStatus.DEAD, [])


async def test_an_endpoint_that_answers_410_is_disabled() -> None:
    bench = Bench(DEFAULT, ScriptedClient([DeliveryResponse(410, "The receiver answered 410.")]))
    bench.store.endpoints["ada"] = Endpoint(Webhook(URL))

    await bench.deliver()

    assert bench.store.endpoints["ada"].disabled_at == NOW


async def test_410_from_a_jobs_own_webhook_leaves_the_endpoint_enabled() -> None:
    bench = answering(DeliveryResponse(410, "The receiver answered 410."))
    bench.store.endpoints["ada"] = Endpoint(Webhook(URL))

    await bench.deliver()

    assert bench.store.endpoints["ada"].disabled_at is None


async def test_each_attempt_goes_to_the_endpoints_current_url() -> None:
    """An owner who corrects a wrong URL need not wait for the next job."""
    bench = Bench(DEFAULT)
    bench.store.endpoints["ada"] = Endpoint(Webhook("https://example.com/new"))

    delivery = await bench.deliver()

    assert [url for url, _, _ in bench.client.sent] == ["https://example.com/new"]
    assert delivery.url == "https://example.com/new"


@pytest.mark.parametrize("endpoint", [None, Endpoint(Webhook(URL), NOW)])
async def test_without_an_endpoint_a_delivery_is_dead_at_once(endpoint: Endpoint | None) -> None:
    bench = Bench(DEFAULT)
    if endpoint:
        bench.store.endpoints["ada"] = endpoint

    delivery = await bench.deliver()

    assert delivery.status == DeliveryStatus.DEAD
    assert [each.error for each in delivery.attempts] == ["No endpoint is set, or it is disabled."]
    assert bench.client.sent == []


@pytest.mark.parametrize("number", [0, 2, 3])
async def test_an_attempt_that_is_not_the_next_one_is_not_made(number: int) -> None:
    bench = Bench()

    delivery = await bench.deliver(number)

    assert (bench.client.sent, delivery) == ([], DELIVERY)


async def test_an_attempt_that_is_requested_twice_is_made_once() -> None:
    bench = answering(FAILED)

    await bench.deliver(1)
    await bench.deliver(1)

    assert (len(bench.client.sent), bench.current.attempt_count) == (1, 1)


async def test_an_erased_delivery_is_not_attempted() -> None:
    bench = Bench()
    bench.store.delete_deliveries("4f9c")

    await bench.worker.deliver(DELIVERY.id, 1)

    assert bench.client.sent == []


async def test_a_replay_restarts_the_schedule() -> None:
    bench = answering(FAILED)
    for number in (1, 2, 3):
        await bench.deliver(number)

    await bench.store.replay(DELIVERY.id)
    delivery = await bench.deliver(4)

    assert (delivery.status, delivery.attempt_count) == (DeliveryStatus.PENDING, 4)
    assert (DELIVERY.id, 5, 5.0) == bench.store.queue[-1]


async def test_attempts_share_id_and_body_but_not_the_timestamp() -> None:
    bench = answering(FAILED, DeliveryResponse(204))

    await bench.deliver(1)
    bench.clock.seconds += 5
    await bench.deliver(2)

    (_, first, body), (_, second, again) = bench.client.sent
    assert (DELIVERY.id, DELIVERY.id, body) == (first["webhook-id"], second["webhook-id"], again)
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5


async def test_the_body_says_what_happened_and_links_to_the_job() -> None:
    bench = Bench()

    await bench.deliver()

    ((_, _, body),) = bench.client.sent
    assert body == (
        b'{"type":"report.completed","timestamp":"2026-01-01T00:00:00Z","data":{"id":"4f9c","kind":"report",'
        b'"status":"completed","version":7,"href":"/reports/4f9c"}}'
    )


async def test_no_attempt_is_recorded_while_the_store_is_unavailable() -> None:
    bench = Bench()
    bench.store.is_unavailable = True

    with pytest.raises(StoreUnavailableError):
        await bench.deliver()

    assert bench.current == DELIVERY


@pytest.mark.parametrize(
    "newer", [replace(DELIVERY, kind=Kind("podcast")), replace(DELIVERY, status=DeliveryStatus("scheduled"))]
)
async def test_a_delivery_of_a_newer_version_is_left_to_a_worker_of_that_version(newer: Delivery) -> None:
    """An older worker does not know where the job is shown, so its link would lead nowhere."""
    bench = Bench(newer)

    with pytest.raises(UnsupportedRecordError):
        await bench.deliver()

    assert (bench.current, bench.client.sent) == (newer, [])


async def test_an_event_that_this_version_does_not_know_is_delivered_in_its_own_word() -> None:
    bench = Bench(replace(DELIVERY, event=Status("paused")))

    assert (await bench.deliver()).status is DeliveryStatus.DELIVERED
    ((_, _, body),) = bench.client.sent
    sent = msgspec.json.decode(body)
    assert (sent["type"], sent["data"]["status"]) == ("report.paused", "paused")


async def test_a_delivery_that_crashes_its_worker_is_marked_dead() -> None:
    bench = Bench()

    await bench.worker.mark_dead(DELIVERY.id, 1, "poison")

    assert (bench.current.status, [each.error for each in bench.current.attempts]) == (DeliveryStatus.DEAD, ["poison"])
