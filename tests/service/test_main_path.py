"""From a topic to a report, through real processes."""

from collections.abc import Iterable
from itertools import pairwise

import msgspec
import pytest

from aether.domain.report import roman
from tests.scripted_model import Call, Hang, Rule, Setup, expected_section, section_marker, section_title
from tests.service.stack import MODEL, Json, Stack
from tests.waiting import until

TOPIC = "The Republic of Venice"
HEADINGS = [f"{roman(index)}. {section_title(index)}" for index in range(1, 9)]


def held(*indexes: int) -> list[Rule]:
    """Let the first calls for these sections hang until `drop_connections`, which costs each of them an attempt."""
    return [Rule(kind="section", index=index, nth=1, do=Hang()) for index in indexes]


def plain(text: str) -> str:
    return " ".join(text.split())


def texts_of(topic: str, indexes: Iterable[int]) -> dict[str, str]:
    return {HEADINGS[index - 1]: plain(expected_section(topic, index)) for index in indexes}


def test_a_post_answers_the_job_id_alone_and_the_job_goes_from_pending_to_completed(bare: Stack) -> None:
    bare.model.use([], Setup(outline_ms=60, section_ms=100, jitter=0.5))
    accepted = bare.http.post("/reports", json={"topic": TOPIC})
    job_id = accepted.json()["jobId"]
    states = [bare.get(job_id)]
    bare.start_worker()
    while states[-1]["status"] in {"pending", "processing"}:
        states.append(bare.get(job_id))

    assert accepted.status_code == 202
    assert accepted.content == msgspec.json.encode({"jobId": job_id})
    assert accepted.headers["Location"] == f"/reports/{job_id}"
    assert int(accepted.headers["Retry-After"]) > 0
    first, last = states[0], states[-1]
    assert (first["status"], first["progress"]) == ("pending", 0.0)
    assert first["partial"] == {"topic": TOPIC, "outline": [], "sections": {}}
    assert [*dict.fromkeys(state["status"] for state in states)] == ["pending", "processing", "completed"]
    _assert_growing(states)
    assert list(last)[:4] == ["jobId", "status", "progress", "report"]
    assert last["progress"] == 1.0
    assert last["counts"] == {"total": 10, "pending": 0, "running": 0, "done": 10, "failed": 0}
    _assert_steps(last)
    assert list(last["report"]) == ["topic", "outline", "sections"]
    assert last["report"]["topic"] == TOPIC
    assert last["report"]["outline"] == list(last["report"]["sections"]) == HEADINGS
    assert {key: plain(text) for key, text in last["report"]["sections"].items()} == texts_of(TOPIC, range(1, 9))


def _assert_growing(states: list[Json]) -> None:
    for earlier, later in pairwise(states):
        assert earlier["progress"] <= later["progress"]
        assert earlier["version"] <= later["version"]
        if "partial" in later:
            assert earlier["partial"]["sections"].items() <= later["partial"]["sections"].items()
    assert all((state["progress"] == 1.0) is (state["status"] == "completed") for state in states)
    assert len({state["progress"] for state in states}) > 3


def _assert_steps(job: Json) -> None:
    assert [step["name"] for step in job["steps"]] == ["outline", *(f"section:{at}" for at in range(8)), "check"]
    assert [step["title"] for step in job["steps"][1:9]] == HEADINGS
    for step in job["steps"]:
        assert (step["status"], step["attempts"]) == ("done", 1)
        # Redis sets the times of the job in milliseconds, the worker those of a step in microseconds.
        finished_ms = step["finishedAt"][: len("2026-11-30T08:29:32.340")]
        assert job["createdAt"] <= step["startedAt"] <= step["finishedAt"]
        assert finished_ms <= job["updatedAt"] < job["expiresAt"]
    assert job["attempts"] == []


def test_finished_sections_show_in_outline_order_while_others_are_being_written(stack: Stack) -> None:
    stack.model.use(held(1, 4, 6))
    job_id = stack.submit(TOPIC)
    until(lambda: stack.get(job_id)["counts"]["done"] == 6)
    job = stack.get(job_id)

    assert job["status"] == "processing"
    assert job["partial"]["outline"] == HEADINGS
    assert list(job["partial"]["sections"]) == [HEADINGS[at] for at in (1, 2, 4, 6, 7)]
    assert {key: plain(text) for key, text in job["partial"]["sections"].items()} == texts_of(TOPIC, (2, 3, 5, 7, 8))
    assert job["progress"] == pytest.approx(6 / 10)
    assert {step["name"] for step in job["steps"] if step["status"] == "running"} == {
        "section:0",
        "section:3",
        "section:5",
    }
    stack.model.drop_connections()
    assert list(stack.when(job_id, "completed")["report"]["sections"]) == HEADINGS


def test_what_is_current_is_not_sent_again(stack: Stack) -> None:
    stack.model.use(held(1))
    job_id = stack.submit(TOPIC)
    until(lambda: stack.get(job_id)["counts"]["done"] == 8)
    seen = stack.http.get(f"/reports/{job_id}")
    same = stack.http.get(f"/reports/{job_id}", headers={"If-None-Match": seen.headers["ETag"]})
    stack.model.drop_connections()
    done = stack.when(job_id, "completed")
    changed = stack.http.get(f"/reports/{job_id}", headers={"If-None-Match": seen.headers["ETag"]})

    assert seen.headers["ETag"] == f'"{seen.json()["version"]}"'
    assert "Retry-After" in seen.headers
    assert (same.status_code, same.content) == (304, b"")
    assert (changed.status_code, changed.json()) == (200, done)
    assert "Retry-After" not in changed.headers


def test_usage_is_what_the_model_server_counted(stack: Stack) -> None:
    job = stack.when(stack.submit(TOPIC), "completed")
    calls = stack.model.calls()

    assert job["usage"]["calls"] == len(calls) == 9
    assert job["usage"]["inputTokens"] == sum(len(call.raw) // 4 for call in calls)
    assert job["usage"]["outputTokens"] > 8 * 120


def test_a_finished_report_is_exported_by_a_process_beside_the_api(stack: Stack) -> None:
    job_id = stack.submit("The Roman Empire")
    stack.when(job_id, "completed")

    exported = {name: stack.http.get(f"/reports/{job_id}/export/{name}") for name in ("pdf", "docx", "html")}

    assert [answer.status_code for answer in exported.values()] == [200, 200, 200]
    assert exported["pdf"].content.startswith(b"%PDF")
    assert exported["docx"].content.startswith(b"PK")
    assert "<h1>The Roman Empire</h1>" in exported["html"].text


@pytest.mark.parametrize("prefix", ["/reports", "/api/v1/reports"])
def test_both_prefixes_lead_to_the_same_jobs(stack: Stack, prefix: str) -> None:
    accepted = stack.http.post(prefix, json={"topic": TOPIC, "sections": 1})
    job_id = accepted.json()["jobId"]
    job = stack.when(job_id, "completed")

    assert accepted.headers["Location"] == f"{prefix}/{job_id}"
    assert stack.http.get(f"/api/v1/reports/{job_id}").json() == stack.http.get(f"/reports/{job_id}").json() == job


def test_every_option_reaches_the_model_and_metadata_comes_back(stack: Stack) -> None:
    told = {
        "language": "Low Saxon",
        "tone": "dry and precise",
        "audience": "lighthouse keepers",
        "instructions": "Name no dates.\nUse no lists.",
    }
    labels = {"order": "A-17", "desk": ""}
    job_id = stack.submit(
        TOPIC, sections=3, length="detailed", checks="report", model="another-model", metadata=labels, **told
    )
    job = stack.when(job_id, "completed")
    calls = stack.model.calls()

    assert job["metadata"] == labels
    assert len(job["report"]["outline"]) == 3
    assert [call.kind for call in calls] == ["outline", "section", "section", "section"]
    assert {call.model for call in calls} == {"another-model"}
    assert "exactly 3 sections" in last_turn(calls[0])
    for call in calls:
        assert f"<topic>\n{TOPIC}\n</topic>" in last_turn(call)
        for tag, value in told.items():
            assert f"<{tag}>\n{value}\n</{tag}>" in last_turn(call)
    assert all("about 600 words" in last_turn(call) for call in calls[1:])


def test_without_options_the_models_and_prompts_are_the_services_own(stack: Stack) -> None:
    job = stack.when(stack.submit(TOPIC), "completed")
    calls = stack.model.calls()

    assert "metadata" not in job
    assert {call.model for call in calls} == {MODEL}
    assert all("about 250 words" in last_turn(call) for call in calls if call.kind == "section")
    assert not any(f"<{tag}>" in last_turn(call) for call in calls for tag in ("language", "tone", "instructions"))


def last_turn(call: Call) -> str:
    said: str = call.body["messages"][-1]["content"]
    return said


def test_an_outline_of_the_callers_own_is_kept_to_the_word_and_costs_no_call(stack: Stack) -> None:
    titles = [f"Chapter about {name}" for name in ("salt", "glass", "ships")]
    job = stack.when(stack.submit(TOPIC, outline=titles), "completed")

    assert job["report"]["outline"] == [f"{roman(at)}. {title}" for at, title in enumerate(titles, 1)]
    assert [call.kind for call in stack.model.calls()] == ["section"] * 3
    assert job["counts"]["total"] == 4
    for call in stack.model.calls():
        assert f"Write section {call.index} of 3: {titles[call.index - 1]}" in last_turn(call)
    _assert_own_texts(job)


def test_twenty_sections_of_which_two_have_the_same_title_are_all_kept(stack: Stack) -> None:
    titles = [f"Sestiere {at}" for at in range(1, 19)]
    titles[4:4], titles[12:12] = ["Trade"], ["Trade"]
    job = stack.when(stack.submit(TOPIC, outline=titles), "completed")

    assert len(job["report"]["sections"]) == 20
    assert job["report"]["outline"][4] == "V. Trade"
    assert job["report"]["outline"][12] == "XIII. Trade (2)"
    _assert_own_texts(job)


def _assert_own_texts(job: Json) -> None:
    """Each heading has the text that was written for its position, and none other."""
    assert list(job["report"]["sections"]) == job["report"]["outline"]
    for index, text in enumerate(job["report"]["sections"].values(), 1):
        assert section_marker(TOPIC, index) in text.split()


def test_the_sections_of_a_report_are_all_asked_for_at_once(stack: Stack) -> None:
    stack.model.use(held(*range(1, 9)))
    job_id = stack.submit(TOPIC)

    stack.model.wait_for_blocking(lambda record: record.in_flight == 8)
    stack.model.drop_connections()
    stack.when(job_id, "completed")
    assert stack.model.max_in_flight == 8


def test_two_workers_share_more_reports_than_one_may_run(bare: Stack) -> None:
    bare.model.use([Rule(kind="outline", times=20, do=Hang())], Setup(sections=2))
    workers = [bare.start_worker(AETHER_WORKER_JOBS="10") for _ in range(2)]
    jobs = [bare.submit(f"{TOPIC} {at}") for at in range(20)]

    bare.model.wait_for_blocking(lambda record: record.in_flight == 20)
    bare.model.drop_connections()
    for job_id in jobs:
        bare.when(job_id, "completed")
    for worker in workers:
        assert worker.log.read_text().count('"job.ended"') >= 10
