"""What becomes of reports when a process of the service dies in the middle of them."""

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from aether.bootstrap.storage import job_store, redis_client
from aether.domain.report import roman
from aether.settings import Secret, Settings
from tests.scripted_model import Hang, Rule, Setup, expected_section, section_title
from tests.service.stack import ARQ_WORKER, JOB, QUEUE, Json, Stack
from tests.waiting import PATIENCE_S, until

TOPIC = "The Lighthouse of Eddystone"
HEADINGS = [f"{roman(index)}. {section_title(index)}" for index in range(1, 9)]
DONE = [1, 2, 3, 4]
HELD = [5, 6, 7, 8]
HOLD_FIRST_CALLS = [Rule(kind="section", index=index, nth=1, do=Hang()) for index in HELD]
DELAY_MS = 3_000.0  # room for the other sections
DELAY_FIRST_CALLS = [Rule(kind="section", index=index, nth=1, latency_ms=DELAY_MS) for index in HELD]


@pytest.fixture
def bare(bare: Stack) -> Iterator[Stack]:
    """Whatever a test has killed is there again for the next one."""
    yield bare
    if not bare.valkey.answers():
        bare.valkey.start()
    if not bare.api.running:
        bare.start_api()


def half_written(stack: Stack, rules: list[Rule]) -> str:
    """Submit a report and return its id when the sections `DONE` are durable and those of `HELD` in flight."""
    stack.model.use(rules)
    job_id = stack.submit(TOPIC)
    until(lambda: stack.get(job_id)["counts"]["done"] == 1 + len(DONE) and stack.model.in_flight == len(HELD))
    return job_id


def calls_of(stack: Stack) -> Counter[str]:
    return Counter(f"{call.kind} {call.index}" for call in stack.model.calls(topic=TOPIC) if call.kind == "section")


def asked(held: int) -> dict[str, int]:
    return {f"section {index}": held if index in HELD else 1 for index in range(1, 9)}


def assert_whole(job: Json) -> None:
    texts = {heading: " ".join(text.split()) for heading, text in job["report"]["sections"].items()}
    wanted = {HEADINGS[at - 1]: " ".join(expected_section(TOPIC, at).split()) for at in range(1, 9)}
    assert texts == wanted
    assert list(job["report"]["sections"]) == job["report"]["outline"] == HEADINGS
    assert job["counts"]["done"] == job["counts"]["total"] == 10


def test_after_the_kill_of_a_worker_another_asks_only_for_what_was_in_flight(bare: Stack) -> None:
    bare.start_worker()
    job_id = half_written(bare, HOLD_FIRST_CALLS)
    before = bare.get(job_id)
    bare.end_workers(signal.SIGKILL)
    bare.start_worker()
    job = bare.when(job_id, "completed")

    assert before["status"] == "processing"
    assert_whole(job)
    assert calls_of(bare) == asked(held=2)
    assert bare.model.count(kind="outline") == 1
    assert job["attempts"] == []
    assert before["partial"]["sections"].items() <= job["report"]["sections"].items()


def test_a_stopped_worker_hands_over_at_once(bare: Stack) -> None:
    first = bare.ready(bare.start_worker())
    job_id = half_written(bare, HOLD_FIRST_CALLS)
    bare.ready(bare.start_worker())
    status = first.end(signal.SIGTERM)
    job = bare.when(job_id, "completed")

    assert status == 0
    assert_whole(job)
    assert calls_of(bare) == asked(held=2)
    assert bare.model.count(kind="outline") == 1
    assert job["attempts"] == []


def test_a_stopped_worker_lets_what_ends_within_its_grace_end(bare: Stack) -> None:
    worker = bare.start_worker(AETHER_SHUTDOWN_GRACE="10")
    job_id = half_written(bare, DELAY_FIRST_CALLS)
    status = worker.end(signal.SIGTERM)

    assert status == 0
    assert bare.get(job_id)["status"] == "completed"
    assert calls_of(bare) == asked(held=1)


def test_what_is_written_while_redis_is_away_is_kept_until_it_is_back(bare: Stack) -> None:
    worker = bare.ready(bare.start_worker())
    job_id = half_written(bare, DELAY_FIRST_CALLS)
    bare.valkey.end(signal.SIGKILL)
    died = time.monotonic()
    refused = [bare.http.get(f"/reports/{job_id}"), bare.http.post("/reports", json={"topic": "Too soon"})]
    readiness = bare.http.get("/health/ready").status_code, bare.http.get("/health/live").status_code
    bare.model.wait_for_blocking(lambda record: not record.in_flight)
    bare.valkey.start()
    job = bare.when(job_id, "completed")

    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["type"] == "urn:aether:problem:store-unavailable"
    assert readiness == (503, 200)
    assert all((call.finished or 0) > died for call in bare.model.calls(kind="section") if call.index in HELD)
    assert_whole(job)
    assert calls_of(bare) == asked(held=1)
    assert worker.running
    assert bare.model.count(topic="Too soon") == 0
    assert bare.when(bare.submit("Afterwards", sections=1), "completed")["attempts"] == []


def test_a_short_absence_of_redis_between_two_calls_goes_unnoticed(bare: Stack) -> None:
    worker = bare.ready(bare.start_worker())
    job_id = half_written(bare, DELAY_FIRST_CALLS)
    for _ in range(2):
        bare.valkey.end(signal.SIGKILL)
        bare.valkey.start()

    assert_whole(bare.when(job_id, "completed"))
    assert calls_of(bare) == asked(held=1)
    assert worker.running


def test_a_job_that_a_run_without_a_claim_has_taken_over_is_taken_back(bare: Stack) -> None:
    """A Redis that loses what it had acknowledged forgets a claim of which the run has yet to begin."""
    bare.start_worker()
    job_id = half_written(bare, HOLD_FIRST_CALLS)

    asyncio.run(_begun_elsewhere(bare, job_id))

    assert_whole(bare.when(job_id, "completed"))
    assert calls_of(bare) == asked(held=2)


async def _begun_elsewhere(stack: Stack, job_id: str) -> None:
    settings = Settings(redis_url=Secret(stack.valkey.url))
    async with redis_client(settings) as client:
        assert await job_store(client, settings).begin(job_id)


def test_jobs_go_on_while_the_api_is_dead(bare: Stack) -> None:
    bare.start_worker()
    job_id = half_written(bare, DELAY_FIRST_CALLS)
    bare.end_api(signal.SIGKILL)
    until(lambda: bare.valkey.client.hget(JOB + job_id, "status") == b"completed")
    bare.start_api()

    assert_whole(bare.get(job_id))
    assert calls_of(bare) == asked(held=1)


def test_a_stopped_api_ends_in_good_order(bare: Stack) -> None:
    status = bare.api.end(signal.SIGTERM)
    bare.http.close()

    assert status == 0


def test_a_report_is_also_made_by_arqs_own_worker(bare: Stack) -> None:
    worker = bare.start_worker(ARQ_WORKER)
    job = bare.when(bare.submit(TOPIC), "completed")

    assert_whole(job)
    assert calls_of(bare) == asked(held=1)
    worker.end(signal.SIGTERM)


def test_a_post_that_is_refused_leaves_nothing_behind(bare: Stack) -> None:
    before = sorted(bare.valkey.client.scan_iter())
    bare.valkey.end(signal.SIGKILL)
    statuses = {bare.http.post("/reports", json={"topic": TOPIC}).status_code for _ in range(5)}
    bare.valkey.start()
    # A refused one must not come later either.
    accepted = bare.submit("Afterwards")

    assert statuses == {503}
    mine = {JOB + accepted, f"arq:job:{accepted}", QUEUE, f"{QUEUE}:bell", f"arq:turns:{QUEUE}:local"}
    mine |= {"aether:index:report:pending:local"}
    after = {key.decode() for key in bare.valkey.client.scan_iter()} - {key.decode() for key in before}
    assert after - mine == set()
    assert bare.valkey.client.zscore(QUEUE, accepted) is not None


def test_every_accepted_job_has_its_record_and_its_queue_entry_whenever_redis_dies(bare: Stack) -> None:
    bare.model.use([], Setup(sections=1))
    client = bare.valkey.client
    before = set(client.scan_iter(JOB + "*"))
    posting = _Posting(bare.url)
    for _ in range(3):
        posting.wait_for(more_accepted=20)
        bare.valkey.end(signal.SIGKILL)
        posting.wait_for(more_refused=1)
        bare.valkey.start()
    posting.end()

    records = {key.decode().removeprefix(JOB) for key in set(client.scan_iter(JOB + "*")) - before}
    queued = {job_id.decode() for job_id in client.zrange(QUEUE, 0, -1)}
    assert posting.statuses == {202, 503}
    assert set(posting.accepted) <= records
    # A post that was under way at the kill may have been made without an answer, but then as a whole.
    assert len(records) <= len(posting.accepted) + 3
    assert records <= queued
    assert all(client.exists(f"arq:job:{job_id}") for job_id in records)
    bare.start_worker()
    for job_id in posting.accepted:
        bare.when(job_id, "completed")


class _Posting:
    """One client that posts without a pause."""

    def __init__(self, url: str) -> None:
        self.accepted: list[str] = []
        self.refused = 0
        self.statuses: set[int] = set()
        self._url = url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_for(self, more_accepted: int = 0, more_refused: int = 0) -> None:
        accepted, refused = len(self.accepted) + more_accepted, self.refused + more_refused
        until(lambda: len(self.accepted) >= accepted and self.refused >= refused)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE_S) as http:
            while not self._ended.is_set():
                answer = http.post("/reports", json={"topic": TOPIC, "sections": 1})
                self.statuses.add(answer.status_code)
                if answer.status_code == 202:
                    self.accepted.append(answer.json()["jobId"])
                else:
                    self.refused += 1
