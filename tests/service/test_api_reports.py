"""Reports over HTTP, from creation to their end, as the API contract specifies them."""

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Attempt, Change, Problem, Status, Step, StepStatus, Usage
from aether.domain.report_request import ReportRequest
from tests.service.api_harness import ApiHarness, fail, finish_outline, finish_section

Client = AsyncTestClient[Litestar]
BOTH_PATHS = pytest.mark.parametrize("prefix", ["", "/api/v1"])


@BOTH_PATHS
async def test_a_topic_is_accepted_with_just_a_job_id(client: Client, harness: ApiHarness, prefix: str) -> None:
    answer = await client.post(f"{prefix}/reports", json={"topic": "The Roman Empire"})

    (job_id,) = harness.store.jobs
    assert answer.status_code == 202
    assert answer.text == f'{{"jobId":"{job_id}"}}'
    assert answer.headers["Location"] == f"{prefix}/reports/{job_id}"
    assert answer.headers["Retry-After"] == "1"
    assert harness.store.queue == [job_id]


async def test_the_trimmed_request_is_stored(client: Client, harness: ApiHarness) -> None:
    body = {
        "topic": "  The Roman Empire ",
        "outline": [" Origins", "Fall "],
        "sections": 2,
        "language": "German",
        "tone": "dry",
        "audience": "pupils",
        "length": "brief",
        "instructions": "Line one.\nLine two.",
        "model": "some-model",
        "metadata": {"project": "history"},
    }
    await client.post("/reports", json=body)

    (job,) = harness.store.jobs.values()
    stored = msgspec.json.decode(job.input)
    assert stored == body | {"topic": "The Roman Empire", "outline": ["Origins", "Fall"]}
    assert msgspec.json.encode(msgspec.json.decode(job.input, type=ReportRequest)) == bytes(job.input)


async def test_what_is_derived_and_what_is_checked_is_stored(client: Client, harness: ApiHarness) -> None:
    body = {"topic": "Rome", "checks": "report", "summary": {"words": 80}, "keyPoints": True, "conclusion": False}
    await client.post("/reports", json=body)

    (job,) = harness.store.jobs.values()
    stored = {"topic": "Rome", "checks": "report", "summary": {"words": 80}, "key_points": True}
    assert msgspec.json.decode(job.input) == stored


@pytest.mark.parametrize(
    ("field", "value", "broken", "rule"),
    [
        ("checks", "strict", "checks", "must be one of: off, report, rewrite"),
        ("summary", 80, "summary", "must be true or false or an object, not a whole number"),
        ("summary", {"words": 5}, "summary.words", "must be at least 20"),
        ("conclusion", {"words": 5_000}, "conclusion.words", "must be at most 1000"),
        ("keyPoints", {"count": 2, "words": 80}, "keyPoints.words", "is not a known field"),
        ("glossary", {}, "glossary.count", "is required"),
    ],
)
async def test_wishes_for_checks_and_derived_sections_have_rules(
    client: Client, field: str, value: object, broken: str, rule: str
) -> None:
    answer = await client.post("/reports", json={"topic": "Rome", field: value})

    assert answer.status_code == 422
    assert [(error["field"], error["rule"]) for error in answer.json()["errors"]] == [(broken, rule)]


@pytest.mark.parametrize(
    ("options", "steps"),
    [({}, ["outline"]), ({"outline": ["Origins"]}, [])],
    ids=["outline to be made", "outline given"],
)
async def test_the_first_steps_are_planned(
    client: Client, harness: ApiHarness, options: dict[str, object], steps: list[str]
) -> None:
    await client.post("/reports", json={"topic": "Rome"} | options)

    (job,) = harness.store.jobs.values()
    assert [step.name for step in job.steps] == steps


@BOTH_PATHS
async def test_a_new_job_is_pending(client: Client, harness: ApiHarness, prefix: str) -> None:
    job_id = await harness.create_report(request=b'{"topic":"Rome","metadata":{"project":"history"}}')

    answer = await client.get(f"{prefix}/reports/{job_id}")

    job = harness.store.jobs[job_id]
    assert answer.status_code == 200
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.text == (
        f'{{"jobId":"{job_id}","status":"pending","progress":0.0,'
        '"partial":{"topic":"Rome","outline":[],"sections":{}},'
        f'"createdAt":"{_time(job.created_at)}","updatedAt":"{_time(job.updated_at)}","expiresAt":"{_time(job.expires_at)}",'
        '"version":1,"counts":{"total":1,"pending":1,"running":0,"done":0,"failed":0},'
        '"steps":[{"name":"outline","status":"pending","attempts":0}],'
        '"usage":{"calls":0,"inputTokens":0,"outputTokens":0},"attempts":[],"metadata":{"project":"history"},"queuePosition":1}'
    )


async def test_finished_sections_are_shown_in_outline_order(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(
        job_id,
        finish_outline("Origins", "Height", "Fall"),
        finish_section(2, "It fell."),
        finish_section(0, "It began."),
    )

    answer = (await client.get(f"/reports/{job_id}")).json()

    assert answer["status"] == "processing"
    assert answer["progress"] == 0.75
    assert list(answer["partial"]["sections"].items()) == [("I. Origins", "It began."), ("III. Fall", "It fell.")]
    assert answer["partial"]["outline"] == ["I. Origins", "II. Height", "III. Fall"]
    assert answer["counts"] == {"total": 4, "pending": 1, "running": 0, "done": 3, "failed": 0}


async def test_a_completed_job_contains_its_report(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    spent = Change(status=Status.COMPLETED, usage=Usage(3, 500, 900))
    await harness.process(
        job_id, finish_outline("Origins", "Fall"), finish_section(0, "It began."), finish_section(1, "It fell."), spent
    )

    answer = await client.get(f"/reports/{job_id}")

    assert answer.text.startswith(
        f'{{"jobId":"{job_id}","status":"completed","progress":1.0,"report":{{"topic":"Rome",'
        '"outline":["I. Origins","II. Fall"],"sections":{"I. Origins":"It began.","II. Fall":"It fell."}},"createdAt":'
    )
    assert "Retry-After" not in answer.headers
    assert "partial" not in answer.json()
    assert answer.json()["usage"] == {"calls": 3, "inputTokens": 500, "outputTokens": 900}


async def test_a_failed_job_has_a_problem_and_its_finished_sections(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    now = harness.store.jobs[job_id].created_at
    attempt = Change(
        attempts=(Attempt("section:1", 1, now, "overloaded", now), Attempt("section:1", 2, now, "refused"))
    )
    problem = Problem("model-refused", "The model declined.", "section:1")
    await harness.process(
        job_id, finish_outline("Origins", "Fall"), finish_section(0, "It began."), attempt, fail(problem)
    )

    answer = await client.get(f"/reports/{job_id}")

    assert answer.text.startswith(
        f'{{"jobId":"{job_id}","status":"failed","progress":0.6666666666666666,"error":"The model declined.",'
        '"problem":{"type":"urn:aether:problem:model-refused","title":"The model declined",'
        '"detail":"The model declined.","step":"section:1"},'
        '"partial":{"topic":"Rome","outline":["I. Origins","II. Fall"],"sections":{"I. Origins":"It began."}},'
        '"createdAt":'
    )
    assert answer.json()["attempts"] == [
        {"step": "section:1", "attempt": 1, "at": _time(now), "error": "overloaded", "nextRetryAt": _time(now)},
        {"step": "section:1", "attempt": 2, "at": _time(now), "error": "refused"},
    ]


async def test_an_unknown_problem_type_has_a_title_too(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, fail(Problem("made-up-later", "Something new.")))

    problem = (await client.get(f"/reports/{job_id}")).json()["problem"]

    expected = {"type": "urn:aether:problem:made-up-later", "title": "Made up later", "detail": "Something new."}
    assert problem == expected


@pytest.mark.parametrize(
    ("tag", "status"),
    [('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200), ("1", 200), ("", 200), ('"11"', 200)],
)
async def test_a_caller_that_has_the_latest_version_gets_304(
    client: Client, harness: ApiHarness, tag: str, status: int
) -> None:
    job_id = await harness.create_report()

    answer = await client.get(f"/reports/{job_id}", headers={"If-None-Match": tag})

    assert answer.status_code == status
    assert (answer.content == b"") == (status == 304)
    assert answer.headers["ETag"] == '"1"'


async def test_a_job_can_be_cancelled_repeatedly(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, finish_outline("Origins", "Fall"), finish_section(0, "It began."))

    first = await client.post(f"/reports/{job_id}/cancel")
    second = await client.post(f"/reports/{job_id}/cancel")

    assert first.status_code == second.status_code == 200
    assert first.json()["status"] == "cancelled"
    assert first.json()["partial"]["sections"] == {"I. Origins": "It began."}
    assert "Retry-After" not in first.headers
    assert second.content == first.content


async def test_no_step_of_a_cancelled_job_is_running(client: Client, harness: ApiHarness) -> None:
    job_id = await harness.create_report()
    started = Step("section:0", 1, StepStatus.RUNNING, "I. Origins", attempts=1)
    await harness.process(job_id, finish_outline("I. Origins", "II. Fall"), Change(steps=(started,)))

    running = (await client.get(f"/reports/{job_id}")).json()
    stopped = (await client.post(f"/reports/{job_id}/cancel")).json()

    assert [step["status"] for step in running["steps"]] == ["done", "running", "pending"]
    assert [step["status"] for step in stopped["steps"]] == ["done", "pending", "pending"]
    assert stopped["counts"] == {"total": 3, "pending": 2, "running": 0, "done": 1, "failed": 0}


@BOTH_PATHS
async def test_a_retry_queues_a_failed_job_with_its_finished_steps(
    client: Client, harness: ApiHarness, prefix: str
) -> None:
    job_id = await harness.create_report()
    await harness.process(job_id, finish_outline("Origins"), fail(Problem("model-failed", "No luck.")))

    answer = await client.post(f"{prefix}/reports/{job_id}/retry")

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{prefix}/reports/{job_id}"
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["status"] == "pending"
    assert answer.json()["partial"]["outline"] == ["I. Origins"]
    assert harness.store.queue == [job_id]


def _time(moment: object) -> str:
    return msgspec.json.encode(moment).decode().strip('"')
