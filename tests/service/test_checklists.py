"""Checklists through the whole service: what is asked of the model, and what becomes of one whose worker is killed."""

import signal

from tests.scripted_model import Hang, Rule
from tests.service.stack import Json, Stack
from tests.waiting import until

RULES = (
    "Staff wash their hands before every meal.",
    "Raw meat is stored below cooked food.",
    "Cloths are changed daily.",
)
GUIDELINE = "Kitchen rules\n\n" + "\n".join(RULES)
HOLD_THE_CHECKLIST = [Rule(kind="checklist", nth=1, do=Hang())]


def submit(stack: Stack, guideline: str = GUIDELINE) -> str:
    answer = stack.http.post("/jobs/", json={"input_text": guideline})
    assert answer.status_code == 201, answer.text
    event_id: str = answer.json()["event_id"]
    return event_id


def get(stack: Stack, event_id: str) -> Json:
    answer = stack.http.get(f"/jobs/{event_id}/")
    assert answer.status_code == 200, answer.text
    job: Json = answer.json()
    return job


def finished(stack: Stack, event_id: str) -> Json:
    until(lambda: get(stack, event_id)["status"] in {"succeeded", "failed"})
    job = get(stack, event_id)
    assert job["status"] == "succeeded", job
    return job


def kinds(stack: Stack) -> list[str]:
    return [call.kind for call in stack.model.calls(topic=GUIDELINE)]


def test_a_guideline_becomes_a_checklist_that_quotes_it(stack: Stack) -> None:
    job = finished(stack, submit(stack))

    assert job["summary"].startswith("In short")
    assert job["checklist"].splitlines()[1:] == [f"- See to this: {rule}" for rule in RULES]
    assert [item["quote"] for item in job["items"]] == ["Kitchen rules", *RULES]
    assert all(item["quote"] in GUIDELINE for item in job["items"])
    assert kinds(stack) == ["summary", "checklist"]


def test_after_the_kill_of_a_worker_another_does_not_summarise_again(bare: Stack) -> None:
    bare.model.use(HOLD_THE_CHECKLIST)
    bare.start_worker()
    event_id = submit(bare)
    until(lambda: kinds(bare) == ["summary", "checklist"])
    held = get(bare, event_id)
    bare.end_workers(signal.SIGKILL)
    bare.start_worker()
    job = finished(bare, event_id)

    assert (held["status"], held["checklist"]) == ("running", None)
    assert held["summary"] == job["summary"]
    assert kinds(bare) == ["summary", "checklist", "checklist"]


def test_a_guideline_too_long_for_the_model_is_read_in_parts_with_every_requirement_kept(bare: Stack) -> None:
    rules = [f"Rule number {at} says that door number {at} is locked at night." for at in range(300)]
    guideline = "\n".join(rules)
    bare.start_worker(AETHER_MODEL_CONTEXT="4096")

    job = finished(bare, submit(bare, guideline))

    assert [item["quote"] for item in job["items"]] == rules
    assert len(bare.model.calls(kind="checklist")) > 5
    assert all(len(call.raw) < 4 * 4096 for call in bare.model.calls())
