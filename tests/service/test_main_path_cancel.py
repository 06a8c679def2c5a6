"""Stopping, trying again and forgetting, while everything is under way."""

import time

from aether.adapters.redis.keys import WEBHOOKS
from tests.scripted_model import Call, Hang, Rule, Setup
from tests.service.stack import JOB, QUEUE, Json, Stack
from tests.waiting import slowness, until

TOPIC = "The Aqueducts of Segovia"
DONE = [1, 2, 3]
HELD = [4, 5, 6, 7, 8]


def half_written(stack: Stack) -> str:
    """Submit a report and return its id when the sections `DONE` are, and the first calls for `HELD` hang."""
    stack.model.use([Rule(kind="section", index=index, nth=1, do=Hang()) for index in HELD])
    job_id = stack.submit(TOPIC)
    until(lambda: stack.get(job_id)["counts"]["done"] == 1 + len(DONE) and stack.model.in_flight == len(HELD))
    return job_id


def cancel(stack: Stack, job_id: str) -> Json:
    answer = stack.http.post(f"/reports/{job_id}/cancel")
    assert answer.status_code == 200, answer.text
    job: Json = answer.json()
    return job


def test_cancelling_aborts_the_calls_in_flight_within_a_second_and_keeps_what_is_finished(stack: Stack) -> None:
    job_id = half_written(stack)
    asked = time.monotonic()
    answer = cancel(stack, job_id)
    stack.model.wait_for_blocking(lambda record: not record.in_flight)
    job = stack.get(job_id)

    cut = stack.model.record.calls(outcome="disconnected")
    assert sorted(call.index for call in cut) == HELD
    assert all((call.disconnected_at or 0) - asked <= 1.0 * slowness() for call in cut)
    assert answer["status"] == job["status"] == "cancelled"
    assert job["progress"] == 4 / 10
    assert list(job["partial"]["sections"]) == job["partial"]["outline"][:3]
    assert job["attempts"] == []
    assert "error" not in job


def test_cancelling_again_changes_nothing(stack: Stack) -> None:
    job_id = half_written(stack)
    first = cancel(stack, job_id)
    stack.model.wait_for_blocking(lambda record: not record.in_flight)

    assert cancel(stack, job_id) == stack.get(job_id) == first


def test_a_finished_report_cannot_be_cancelled_nor_tried_again(stack: Stack) -> None:
    job_id = stack.submit(TOPIC, sections=1)
    done = stack.when(job_id, "completed")

    for order in ("cancel", "retry"):
        answer = stack.http.post(f"/reports/{job_id}/{order}")
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert stack.get(job_id) == done


def test_a_report_cancelled_before_it_starts_never_runs(bare: Stack) -> None:
    job_id = bare.submit(TOPIC)
    job = cancel(bare, job_id)
    bare.start_worker()
    bare.when(bare.submit("Another", sections=1), "completed")

    assert job["status"] == bare.get(job_id)["status"] == "cancelled"
    assert bare.valkey.client.zscore(QUEUE, job_id) is None
    assert bare.model.count(topic=TOPIC) == 0
    assert bare.model.count(kind="outline") == 1


def test_trying_a_cancelled_report_again_writes_only_what_is_missing(stack: Stack) -> None:
    job_id = half_written(stack)
    before = cancel(stack, job_id)
    stack.model.wait_for_blocking(lambda record: not record.in_flight)
    answer = stack.http.post(f"/reports/{job_id}/retry")
    job = stack.when(job_id, "completed")

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/reports/{job_id}"
    assert answer.json()["status"] in {"pending", "processing"}
    assert answer.json()["progress"] == before["progress"]
    assert before["partial"]["sections"].items() <= job["report"]["sections"].items()
    assert calls_by_section(stack.model.calls()) == dict.fromkeys(DONE, 1) | dict.fromkeys(HELD, 2)
    assert stack.model.count(kind="outline") == 1


def calls_by_section(calls: list[Call]) -> dict[int, int]:
    indexes = [call.index for call in calls if call.kind == "section"]
    return {index: indexes.count(index) for index in sorted(set(indexes))}


def test_a_running_report_that_is_deleted_stops_and_leaves_no_key_but_the_mark_that_it_is_gone(stack: Stack) -> None:
    """The mark holds nothing; without it the worker that runs the job would take it for lost and put it back."""
    job_id = half_written(stack)
    answer = stack.http.delete(f"/reports/{job_id}")
    stack.model.wait_for_blocking(lambda record: not record.in_flight)
    # Whatever the worker had still to say has been said when it has made another.
    stack.when(stack.submit("Another", sections=1), "completed")

    assert (answer.status_code, answer.content) == (204, b"")
    assert stack.http.get(f"/reports/{job_id}").status_code == 404
    assert stack.http.delete(f"/reports/{job_id}").status_code == 404
    assert len(stack.model.record.calls(outcome="disconnected")) == len(HELD)
    mark = f"arq:gone:{job_id}"
    assert [key for key in stack.valkey.keys_of(job_id) if key != mark.encode()] == []
    assert stack.valkey.client.get(mark) in {b"1", None}


def test_a_waiting_and_a_finished_report_that_are_deleted_leave_no_key(bare: Stack) -> None:
    finished = bare.submit(TOPIC, sections=1)
    bare.start_worker()
    bare.when(finished, "completed")
    bare.end_workers()
    waiting = bare.submit(TOPIC)

    for job_id in (waiting, finished):
        assert bare.valkey.keys_of(job_id)
        assert bare.http.delete(f"/reports/{job_id}").status_code == 204
        assert bare.valkey.keys_of(job_id) == []
        assert bare.http.get(f"/reports/{job_id}").status_code == 404


def test_no_key_is_left_without_an_end(stack: Stack) -> None:
    stack.model.use([], Setup(sections=2))
    job_ids = [stack.submit(TOPIC) for _ in range(3)]
    for job_id in job_ids:
        stack.when(job_id, "completed")
    client = stack.valkey.client

    assert client.exists(JOB + job_ids[0])
    # A queue is there for as long as something waits in it: a try of a webhook, which another test may have left.
    assert {key for key in client.scan_iter() if client.ttl(key) == -1} <= {WEBHOOKS.encode()}


def test_cancelling_and_trying_again_in_quick_succession_strands_no_job(stack: Stack) -> None:
    stack.model.use([], Setup(sections=2, outline_ms=20, section_ms=20))
    said_before = [worker.log.stat().st_size for worker in stack.workers]
    jobs = [stack.submit(f"{TOPIC} {n}") for n in range(4)]
    for _ in range(12):
        for job_id in jobs:
            for order in ("cancel", "retry"):
                answer = stack.http.post(f"/reports/{job_id}/{order}")
                assert answer.status_code in {200, 202, 409}, answer.text
    for job_id in jobs:
        stack.http.post(f"/reports/{job_id}/retry")

    for job_id in jobs:
        stack.when(job_id, "completed")
        until(lambda: stack.valkey.client.zscore(QUEUE, job_id) is None)  # noqa: B023 - at once
    said = [worker.log.read_bytes()[size:] for worker, size in zip(stack.workers, said_before, strict=True)]
    assert not any(b"Traceback" in each or b'"level": "error"' in each for each in said)
