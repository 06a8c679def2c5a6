"""Webhooks through the whole service: a real receiver is told, and what becomes of it when something goes wrong."""

import signal
import socket
from collections.abc import Iterator
from datetime import datetime

import pytest
from standardwebhooks import Webhook

from tests.scripted_model import NAMED, Hang, Rule
from tests.service.stack import Json, Stack
from tests.service.webhook_receiver import Receiver, Reply
from tests.waiting import until

TOPIC = "The Semaphores of Chappe"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(stack: Stack, receiver: Receiver) -> Iterator[Receiver]:
    """The receiver as the owner's default endpoint."""
    assert stack.http.put("/webhooks/endpoint", json={"url": receiver.url()}).status_code == 200
    yield receiver
    stack.http.delete("/webhooks/endpoint")


def written(stack: Stack, url: str, *events: str) -> str:
    """The id of a report that is completed, with a webhook of its own."""
    webhook: Json = {"url": url} | ({"events": list(events)} if events else {})
    job_id = stack.submit(TOPIC, sections=1, webhook=webhook)
    stack.when(job_id, "completed")
    return job_id


def deliveries(stack: Stack, job_id: str) -> list[Json]:
    answer = stack.http.get("/webhooks/deliveries", params={"job": job_id})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["deliveries"]
    return found


def tried(stack: Stack, job_id: str, times: int = 1) -> Json:
    """The job's only delivery, once it was tried so often."""
    until(lambda: [len(each["attempts"]) for each in deliveries(stack, job_id)] == [times])
    return deliveries(stack, job_id)[0]


def secret(stack: Stack) -> str:
    value: str = stack.http.get("/webhooks/secret").json()["secret"]
    return value


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_completed_report_is_told_once_under_a_signature_that_the_reference_library_accepts(
    stack: Stack, receiver: Receiver
) -> None:
    job_id = written(stack, receiver.url())
    delivery = tried(stack, job_id)

    (request,) = receiver.received
    version = stack.get(job_id)["version"]
    told = request.verified(secret(stack))
    assert told.pop("timestamp") == delivery["createdAt"]
    assert told == {
        "type": "report.completed",
        "data": {
            "id": job_id,
            "kind": "report",
            "status": "completed",
            "version": version,
            "href": f"/reports/{job_id}",
        },
    }
    assert request.headers["webhook-id"] == delivery["id"] == f"{job_id}-{version}"
    assert (delivery["status"], delivery["url"]) == ("delivered", receiver.url())
    assert [attempt["status"] for attempt in delivery["attempts"]] == [204]
    assert "nextTryAt" not in delivery


def test_a_receiver_that_fails_is_told_again_under_the_same_id(stack: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(500), Reply(200)]

    delivery = tried(stack, written(stack, receiver.url()), 2)

    assert delivery["status"] == "delivered"
    assert [(each["number"], each["status"], each.get("error")) for each in delivery["attempts"]] == [
        (1, 500, "The receiver answered 500."),
        (2, 200, None),
    ]
    assert "nextTryAt" in delivery["attempts"][0]
    assert {request.headers["webhook-id"] for request in receiver.received} == {delivery["id"]}
    for request in receiver.received:
        request.verified(secret(stack))


def test_a_redirect_is_a_failure_and_not_followed(stack: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(302, {"Location": receiver.url().replace("hook", "elsewhere")}), Reply(204)]

    delivery = tried(stack, written(stack, receiver.url()), 2)

    assert delivery["attempts"][0]["error"] == "The receiver answered 302; redirects are not followed."
    assert [request.path for request in receiver.received] == ["/hook", "/hook"]


def test_a_receiver_that_asks_for_a_pause_gets_it(stack: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(503, {"Retry-After": "120"})]

    delivery = tried(stack, written(stack, receiver.url()))

    assert delivery["status"] == "pending"
    assert 115 < seconds_between(delivery["attempts"][0]["at"], delivery["nextTryAt"]) < 180


def test_a_receiver_that_is_down_is_tried_again_later(stack: Stack) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        delivery = tried(stack, written(stack, f"http://localhost:{unused.getsockname()[1]}/"), 2)

    assert {attempt["error"] for attempt in delivery["attempts"]} == {"The receiver could not be reached."}
    assert delivery["status"] == "pending"
    # The schedule's second wait is an hour, give or take a fifth.
    assert 2_800 < seconds_between(delivery["attempts"][1]["at"], delivery["nextTryAt"]) < 4_400


@pytest.mark.parametrize(
    ("path", "body", "kind", "id_name", "href"),
    [
        ("/reports", {"topic": TOPIC, "sections": 1}, "report", "jobId", "/reports/{}"),
        ("/jobs/", {"input_text": "Wash your hands."}, "checklist", "event_id", "/jobs/{}/"),
        ("/api/generation", {"prompt": "A semaphore"}, "generation", "generationId", "/api/generation/{}"),
    ],
)
def test_the_endpoint_is_told_of_jobs_of_every_kind(  # noqa: PLR0913, PLR0917 - what tells them apart
    stack: Stack, endpoint: Receiver, path: str, body: Json, kind: str, id_name: str, href: str
) -> None:
    job_id = stack.http.post(path, json=body).json()[id_name]
    tried(stack, job_id)

    told = endpoint.received[-1].verified(secret(stack))
    assert (told["type"].partition(".")[0], told["data"]["id"]) == (kind, job_id)
    assert told["data"]["href"] == href.format(job_id)
    assert stack.http.get(told["data"]["href"]).status_code == 200


@pytest.mark.usefixtures("endpoint")
def test_a_failed_and_a_cancelled_job_are_told_too(stack: Stack) -> None:
    stack.model.use([Rule(topic="Failing", do=NAMED["401"]), Rule(topic="Held", do=Hang())])
    failed, held = stack.submit("Failing"), stack.submit("Held")
    until(lambda: stack.get(held)["status"] == "processing")
    stack.http.post(f"/reports/{held}/cancel")

    assert [tried(stack, job_id)["type"] for job_id in (failed, held)] == ["report.failed", "report.cancelled"]


def test_ends_that_nobody_asked_for_are_not_told(stack: Stack, receiver: Receiver) -> None:
    job_id = written(stack, receiver.url(), "failed", "cancelled")

    assert deliveries(stack, job_id) == []


def test_an_endpoint_that_is_gone_is_disabled_until_it_is_set_again(stack: Stack, endpoint: Receiver) -> None:
    endpoint.replies = [Reply(410), Reply(204)]
    first = stack.submit(TOPIC, sections=1)
    gone = tried(stack, first)

    assert gone["status"] == "dead"
    assert "disabledAt" in stack.http.get("/webhooks/endpoint").json()
    untold = stack.submit(TOPIC, sections=1)
    stack.when(untold, "completed")
    assert deliveries(stack, untold) == []

    stack.http.put("/webhooks/endpoint", json={"url": endpoint.url()})
    assert stack.http.post(f"/webhooks/deliveries/{gone['id']}/replay").status_code == 202
    assert tried(stack, first, 2)["status"] == "delivered"


def test_after_a_rotation_the_new_and_the_old_secret_both_verify(stack: Stack, receiver: Receiver) -> None:
    old = secret(stack)
    rotated = stack.http.post("/webhooks/secret/rotate").json()
    tried(stack, written(stack, receiver.url()))

    (request,) = receiver.received
    assert rotated["secret"] == secret(stack) != old
    assert rotated["replaced"][0]["secret"] == old
    for value in (old, rotated["secret"]):
        request.verified(value)
    newest = request.headers["webhook-signature"].split(" ")[0]
    Webhook(rotated["secret"]).verify(request.body, {**request.headers, "webhook-signature": newest})


def test_a_delivery_can_be_replayed(stack: Stack, receiver: Receiver) -> None:
    job_id = written(stack, receiver.url())
    delivery = tried(stack, job_id)

    answer = stack.http.post(f"/webhooks/deliveries/{delivery['id']}/replay")

    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert tried(stack, job_id, 2)["status"] == "delivered"
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1


def test_deleting_a_job_deletes_its_deliveries(stack: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(503, {"Retry-After": "3600"})]
    job_id = written(stack, receiver.url())
    delivery = tried(stack, job_id)

    stack.http.delete(f"/reports/{job_id}")

    assert stack.http.get(f"/webhooks/deliveries/{delivery['id']}").status_code == 404
    assert deliveries(stack, job_id) == []
    until(lambda: stack.valkey.keys_of(job_id) == [])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "169.254.169.254", "10.0.0.1", "redis"])
def test_only_named_hosts_are_opened(stack: Stack, host: str) -> None:
    for answer, field in [
        (stack.http.post("/reports", json={"topic": TOPIC, "webhook": {"url": f"http://{host}/"}}), "webhook.url"),
        (stack.http.put("/webhooks/endpoint", json={"url": f"http://{host}/"}), "url"),
    ]:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_secrets_and_addresses_stand_in_no_log(stack: Stack, receiver: Receiver) -> None:
    tried(stack, written(stack, receiver.url() + "?token=quite-private"))
    value = secret(stack)

    said = b"".join(path.read_bytes() for path in stack.folder.glob("*.log"))
    assert b"webhook.delivered" in said
    assert not [words for words in (value, "whsec_", "quite-private") if words.encode() in said]


def cancelled(stack: Stack, url: str) -> str:
    """The id of a report that has ended without any worker."""
    job_id = stack.submit(TOPIC, webhook={"url": url})
    assert stack.http.post(f"/reports/{job_id}/cancel").status_code == 200
    return job_id


def test_what_ends_while_no_worker_lives_is_told_by_the_next_one(bare: Stack, receiver: Receiver) -> None:
    job_id = cancelled(bare, receiver.url())
    assert deliveries(bare, job_id)[0]["status"] == "pending"

    bare.start_worker()

    assert tried(bare, job_id)["status"] == "delivered"
    assert len(receiver.received) == 1


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_a_try_whose_worker_ends_is_made_again_by_another(bare: Stack, receiver: Receiver, sig: signal.Signals) -> None:
    """The receiver cannot but hear of it twice, and knows by the id."""
    receiver.replies = [Reply(stall_s=10.0), Reply(204)]
    job_id = cancelled(bare, receiver.url())
    bare.start_worker()
    until(lambda: receiver.received)

    bare.end_workers(sig)
    bare.start_worker()

    assert tried(bare, job_id)["status"] == "delivered"
    assert len(receiver.received) == 2
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def test_a_try_that_could_not_be_noted_is_made_again(bare: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(stall_s=1.0), Reply(204)]
    job_id = cancelled(bare, receiver.url())
    bare.start_worker()
    until(lambda: receiver.received)
    bare.valkey.end(signal.SIGKILL)
    until(lambda: b"webhook.stranded" in bare.workers[-1].log.read_bytes())
    bare.valkey.start()

    assert tried(bare, job_id)["status"] == "delivered"
    assert {request.headers["webhook-id"] for request in receiver.received} == {deliveries(bare, job_id)[0]["id"]}


def test_slow_receivers_hold_up_no_job(bare: Stack, receiver: Receiver) -> None:
    receiver.replies = [Reply(stall_s=30.0)]
    for _ in range(20):
        cancelled(bare, receiver.url())
    bare.start_worker(AETHER_WEBHOOK_DELIVERIES="2", AETHER_WORKER_JOBS="2")
    until(lambda: len(receiver.received) == 2)

    job_id = bare.submit(TOPIC, sections=1)

    bare.when(job_id, "completed")
    assert len(receiver.received) == 2


def test_a_queue_that_could_not_be_read_is_read_again(bare: Stack, receiver: Receiver) -> None:
    """What ends the reading is a defect; it must not leave a worker that delivers nothing."""
    queue = "aether:webhooks"
    bare.valkey.client.set(queue, "no queue")
    worker = bare.ready(bare.start_worker())
    until(lambda: "WRONGTYPE" in worker.log.read_text())
    bare.valkey.client.delete(queue)

    delivery = tried(bare, written(bare, receiver.url()))

    assert (delivery["status"], worker.running) == ("delivered", True)
