"""The inbox and its stream with real processes: missed notifications, new ones, and acknowledgement."""

import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import msgspec
import pytest

from tests.scripted_model import HttpError, Rule, Setup
from tests.service.stack import Json, Stack
from tests.service.test_brief import shell
from tests.waiting import PATIENCE_S, until

DOCUMENT = (Path(__file__).parents[2] / "docs" / "inbox.md").read_text(encoding="utf-8")
TOPIC = "The Semaphore Line of Lille"
INBOX = ("aether:inbox:local", "aether:unread:local")


class Event(NamedTuple):
    """An event as a browser receives it."""

    name: str
    id: str
    data: Json


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A service with an empty inbox."""
    stack.valkey.client.delete(*INBOX)
    return stack


@pytest.fixture
def bare(bare: Stack) -> Iterator[Stack]:
    """A service with an empty inbox; killed processes are restarted for the next test."""
    bare.valkey.client.delete(*INBOX)
    yield bare
    if not bare.valkey.answers():
        bare.valkey.start()
    if not bare.api.running:
        bare.start_api()


def inbox(stack: Stack, query: str = "") -> Json:
    answer = stack.http.get(f"/notifications{query}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def statuses(stack: Stack, query: str = "") -> list[tuple[str, str]]:
    return [(each["jobId"], each["status"]) for each in inbox(stack, query)["notifications"]]


def acknowledge(stack: Stack, *ids: str) -> Json:
    answer = stack.http.post("/notifications/ack", json={"ids": ids})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def cancel_jobs(stack: Stack, number: int = 1) -> list[str]:
    """Submit jobs and cancel them; return their ids."""
    job_ids = [stack.submit(TOPIC) for _ in range(number)]
    for job_id in job_ids:
        assert stack.http.post(f"/reports/{job_id}/cancel").status_code == 200
    return job_ids


@contextmanager
def follow(stack: Stack, query: str = "", last_event_id: str | None = None) -> Iterator[Iterator[Event]]:
    """Open the stream of the inbox."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    url = f"{stack.url}/notifications/events{query}".replace("//notifications", "/notifications")
    with httpx2.Client(timeout=PATIENCE_S) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Event]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            found[name] = value
        elif "data" in found:
            yield Event(found["event"], found["id"], msgspec.json.decode(found["data"]))
            found = {}


def job_ids_of(events: Iterator[Event], number: int) -> list[str]:
    return [next(events).data["jobId"] for _ in range(number)]


def test_jobs_that_end_while_nobody_listens_are_in_the_inbox(stack: Stack) -> None:
    report = stack.http.post("/reports", json={"topic": TOPIC, "sections": 1}).json()["jobId"]
    checklist = stack.http.post("/jobs/", json={"input_text": "Wash your hands before meals."}).json()["event_id"]
    images = stack.http.post("/api/generation", json={"prompt": "A lighthouse"}).json()["generationId"]
    until(lambda: inbox(stack)["unread"] == 3)

    found = inbox(stack)["notifications"]

    assert {(each["kind"], each["jobId"], each["status"]) for each in found} == {
        ("report", report, "completed"),
        ("checklist", checklist, "completed"),
        ("generation", images, "completed"),
    }
    for each in found:
        answer = stack.http.get(each["href"])
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{each["version"]}"')
    ids = [each["id"] for each in found]
    assert acknowledge(stack, *ids) == {"acknowledged": 3, "unread": 0}
    assert acknowledge(stack, *ids) == {"acknowledged": 0, "unread": 0}
    assert (statuses(stack, "?unacked=true"), len(statuses(stack))) == ([], 3)


def test_a_retried_report_has_two_notifications(stack: Stack) -> None:
    stack.model.use([Rule(kind="outline", times=1, do=HttpError(status=401))], Setup(sections=1))
    job_id = stack.submit(TOPIC)
    stack.when(job_id, "failed")
    first = statuses(stack)

    assert stack.http.post(f"/reports/{job_id}/retry").status_code == 202
    stack.when(job_id, "completed")

    assert (first, statuses(stack)) == ([(job_id, "failed")], [(job_id, "failed"), (job_id, "completed")])


def test_a_deleted_job_leaves_no_notification(bare: Stack) -> None:
    kept, deleted = cancel_jobs(bare, 2)

    assert bare.http.delete(f"/reports/{deleted}").status_code == 204

    assert (statuses(bare), inbox(bare)["unread"]) == ([(kept, "cancelled")], 1)
    assert bare.valkey.keys_of(deleted) == []


def test_the_inbox_expires_with_its_own_time_to_live(tmp_path: Path) -> None:
    with Stack(tmp_path, AETHER_INBOX_TTL="1") as stack:
        [job_id] = cancel_jobs(stack)

        until(lambda: inbox(stack) == {"notifications": [], "unread": 0})

        assert stack.get(job_id)["status"] == "cancelled"


def test_every_key_of_the_inbox_expires(bare: Stack) -> None:
    cancel_jobs(bare)

    assert all(0 < bare.valkey.client.ttl(key) <= 604_800 + 3_600 for key in INBOX)


def test_a_stream_sends_missed_notifications_then_new_ones(bare: Stack) -> None:
    missed = cancel_jobs(bare, 3)
    with follow(bare) as events:
        before = [next(events) for _ in range(3)]
        live = cancel_jobs(bare, 2)
        after = [next(events) for _ in range(2)]

    listed = inbox(bare)["notifications"]
    assert [event.data for event in before + after] == listed
    assert [event.id for event in before + after] == [each["id"] for each in listed]
    assert {event.name for event in before + after} == {"notification"}
    assert [each["jobId"] for each in listed] == missed + live


def test_each_connection_sends_what_is_not_acknowledged(bare: Stack) -> None:
    job_ids = cancel_jobs(bare, 3)
    for _ in range(2):
        with follow(bare) as events:
            assert job_ids_of(events, 3) == job_ids

    acknowledge(bare, *(each["id"] for each in inbox(bare)["notifications"][:2]))

    with follow(bare) as events:
        new = cancel_jobs(bare)
        assert job_ids_of(events, 2) == [job_ids[2], *new]


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_cursor_resumes_after_the_last_connection(bare: Stack, by: str) -> None:
    job_ids = cancel_jobs(bare, 3)
    with follow(bare) as events:
        cursor = next(events).id

    cursor_argument = {"last_event_id": cursor} if by == "header" else {"query": f"?after={cursor}"}
    with follow(bare, **cursor_argument) as events:
        assert job_ids_of(events, 2) == job_ids[1:]


def test_the_header_takes_precedence_over_the_query(bare: Stack) -> None:
    """A browser that reconnects sends its first URL again, and the last id in the header."""
    job_ids = cancel_jobs(bare, 3)
    first, second, _ = (each["id"] for each in inbox(bare)["notifications"])

    with follow(bare, f"?after={first}", second) as events:
        assert job_ids_of(events, 1) == job_ids[2:]


def test_a_last_event_id_of_another_form_is_ignored(bare: Stack) -> None:
    job_ids = cancel_jobs(bare, 1)

    with follow(bare, last_event_id="of another service") as events:
        assert job_ids_of(events, 1) == job_ids


def test_an_invalid_cursor_in_the_query_is_rejected(bare: Stack) -> None:
    answer = bare.http.get("/notifications/events?after=x")

    expected = [{"field": "after", "rule": "must be the id of a notification"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, expected)


def test_clients_of_a_killed_api_resume_at_another(bare: Stack) -> None:
    job_ids = cancel_jobs(bare, 2)
    with follow(bare) as events:
        cursor = [next(events).id for _ in range(2)][-1]
        bare.end_api(signal.SIGKILL)
        with pytest.raises((httpx2.HTTPError, StopIteration)):
            next(events)

    bare.start_api()
    missed = cancel_jobs(bare, 2)

    with follow(bare, last_event_id=cursor) as events:
        assert job_ids_of(events, 2) == missed
    with follow(bare) as events:
        assert job_ids_of(events, 4) == job_ids + missed


def test_streams_survive_a_crash_of_redis(bare: Stack) -> None:
    first = cancel_jobs(bare)
    with follow(bare) as events:
        before = job_ids_of(events, 1)
        bare.valkey.end(signal.SIGKILL)
        bare.valkey.start()
        second = cancel_jobs(bare)

        assert (before, job_ids_of(events, 1)) == (first, second)


def test_streams_end_when_the_api_is_stopped(bare: Stack) -> None:
    with follow(bare) as events:
        cancel_jobs(bare)
        job_ids_of(events, 1)
        ending = threading.Thread(target=bare.end_api)
        ending.start()

        assert list(events) == []
    ending.join()


def test_head_ends_at_once(bare: Stack) -> None:
    answer = bare.http.head("/notifications/events")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_each_notification_is_sent_once_to_each_listener(stack: Stack) -> None:
    stack.model.use([], Setup(sections=1))
    received: list[list[str]] = []

    def listen() -> None:
        with follow(stack) as events:
            received.append(job_ids_of(events, 10))

    listeners = [threading.Thread(target=listen) for _ in range(5)]
    for listener in listeners:
        listener.start()
    job_ids = [stack.submit(TOPIC) for _ in range(10)]
    for listener in listeners:
        listener.join()

    assert {tuple(sorted(each)) for each in received} == {tuple(sorted(job_ids))}
    assert len({tuple(each) for each in received}) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_commands_of_the_documentation_work(bare: Stack) -> None:
    (job_id,) = cancel_jobs(bare)
    (entry,) = inbox(bare)["notifications"]
    commands = [
        command.replace("127.0.0.1:8000", "HOST") for command in re.findall(r"^\$ (.*)$", DOCUMENT, re.MULTILINE)
    ]
    listing, acknowledging, following = commands

    listed = msgspec.json.decode(shell(listing, bare))
    followed = shell(f"{following} --max-time 2 || test $? = 28", bare)
    acknowledged = shell(re.sub(r"\d{16}", entry["id"], acknowledging), bare)

    assert listed == {"notifications": [entry], "unread": 1}
    assert re.fullmatch(rf"retry: \d+\n\nevent: notification\nid: {entry['id']}\ndata: .*{job_id}.*\n\n", followed)
    assert acknowledged == '{"acknowledged":1,"unread":0}'
