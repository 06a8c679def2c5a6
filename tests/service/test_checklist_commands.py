"""Checklists as typed in a terminal, and what becomes of them there."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.scripted_model import NAMED, Hang, Rule
from tests.service.stack import JOB, Json, Stack
from tests.service.test_brief import UUID, shell
from tests.service.test_checklists import get, submit
from tests.waiting import PATIENCE_S, until

TEXT = "Wash your hands before meals. Keep raw and cooked food apart."
QUOTES = ["Wash your hands before meals.", "Keep raw and cooked food apart."]
DOCUMENT = (Path(__file__).parents[2] / "docs" / "checklists.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (curl .*)$", DOCUMENT, re.MULTILINE) + re.findall(r"`(http :8000[^`]*)`", DOCUMENT)
LOOPS = dict(re.findall(r"^```(sh|powershell)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL))
SHELLS = {"sh": ["sh", "-euc"], "powershell": ["pwsh", "-NoProfile", "-Command"]}

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def when(stack: Stack, event_id: str, status: str) -> Json:
    """Return the job once it has ended, with this status."""
    until(lambda: get(stack, event_id)["status"] in {"succeeded", "failed"})
    job = get(stack, event_id)
    assert job["status"] == status, job
    return job


def assert_whole(job: Json) -> None:
    members = ["id", "input_text", "status", "summary", "checklist", "items", "created_at", "updated_at"]
    assert list(job) == members
    assert (job["input_text"], job["status"]) == (TEXT, "succeeded")
    assert job["summary"]
    assert job["checklist"] == "\n".join(f"- {item['text']}" for item in job["items"])
    assert [item["quote"] for item in job["items"]] == QUOTES


def test_curl_a_checklist_to_its_end(stack: Stack) -> None:
    posted = f"""-H "Content-Type: application/json" -d '{{"input_text": "{TEXT}"}}'"""
    accepted = shell(f"curl -X POST http://HOST/jobs/ {posted}", stack)
    event_id = json.loads(accepted)["event_id"]
    when(stack, event_id, "succeeded")

    assert re.fullmatch(rf'\{{"event_id":"{UUID}"\}}', accepted)
    assert_whole(json.loads(shell(f"curl http://HOST/jobs/{event_id}/", stack)))
    assert [call.kind for call in stack.model.calls(topic=TEXT)] == ["summary", "checklist"]


def test_httpie_a_checklist_without_slashes(stack: Stack) -> None:
    accepted = json.loads(shell(f'http POST :PORT/jobs input_text="{TEXT}"', stack))
    when(stack, accepted["event_id"], "succeeded")

    assert_whole(json.loads(shell(f"http :PORT/jobs/{accepted['event_id']}", stack)))


def test_a_job_that_waits_has_nothing_yet(bare: Stack) -> None:
    job = get(bare, submit(bare, TEXT))

    assert (job["status"], job["summary"], job["checklist"]) == ("pending", None, None)
    assert "items" not in job


def test_after_a_kill_between_the_two_calls_nothing_is_asked_for_twice(bare: Stack) -> None:
    """The one slot of the first worker goes to another job, so that it is killed before it asks for the checklist."""
    bare.model.use([Rule(kind="summary", topic=TEXT, latency_ms=1_500), Rule(topic="Another.", nth=1, do=Hang())])
    bare.start_worker(AETHER_MODEL_CALLS="1")
    event_id = submit(bare, TEXT)
    bare.model.wait_for_blocking(lambda record: record.in_flight == 1)
    another = submit(bare, "Another.")
    until(lambda: get(bare, another)["status"] == "running")
    assert get(bare, event_id)["summary"] is None
    until(lambda: get(bare, event_id)["summary"])
    bare.end_workers(signal.SIGKILL)
    asked_before = [call.kind for call in bare.model.calls(topic=TEXT)]
    bare.start_worker()

    assert_whole(when(bare, event_id, "succeeded"))
    assert asked_before == ["summary"]
    assert [call.kind for call in bare.model.calls(topic=TEXT)] == ["summary", "checklist"]


def test_a_step_that_fails_for_good_fails_the_job_and_keeps_the_summary(stack: Stack) -> None:
    stack.model.use([Rule(kind="checklist", do=NAMED["401"])])
    job = when(stack, submit(stack, TEXT), "failed")

    assert job["summary"]
    assert job["checklist"] is None
    assert job["error"].startswith("Checklist failed: The model server rejected the API key")


def test_a_cancelled_job_goes_on_from_its_summary_when_it_is_tried_again(stack: Stack) -> None:
    stack.model.use([Rule(kind="checklist", nth=1, do=Hang())])
    event_id = submit(stack, TEXT)
    stack.model.wait_for_blocking(lambda record: record.in_flight == 1 and len(record.calls(kind="checklist")) == 1)
    cancelled = stack.http.post(f"/jobs/{event_id}/cancel/").json()
    until(lambda: not stack.model.in_flight)
    again = stack.http.post(f"/jobs/{event_id}/retry/")
    job = when(stack, event_id, "succeeded")

    assert (cancelled["status"], cancelled["error"]) == ("failed", "cancelled")
    assert again.status_code == 202
    assert job["summary"] == cancelled["summary"]
    assert stack.model.count(kind="summary", topic=TEXT) == 1


def test_a_deleted_job_leaves_nothing(stack: Stack) -> None:
    event_id = submit(stack, TEXT)
    when(stack, event_id, "succeeded")

    assert stack.valkey.client.exists(JOB + event_id)
    assert stack.http.delete(f"/jobs/{event_id}/").status_code == 204
    assert stack.http.get(f"/jobs/{event_id}/").status_code == 404
    # The worker takes its own mark off the queue a moment after the job has ended.
    until(lambda: stack.valkey.keys_of(event_id) == [])


def test_jobs_are_listed_a_page_at_a_time(bare: Stack) -> None:
    text = "Only those of this test."
    ids = [submit(bare, text) for _ in range(3)]
    first = bare.http.get("/jobs/?status=pending&limit=2").json()
    second = bare.http.get("/jobs/", params={"status": "pending", "limit": 1, "cursor": first["next_cursor"]}).json()

    # Those made within one millisecond have an order, but not this one.
    assert sorted(job["id"] for job in first["jobs"] + second["jobs"]) == sorted(ids)
    assert {job["excerpt"] for job in first["jobs"] + second["jobs"]} == {text}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_document_types_is_answered(stack: Stack, command: str) -> None:
    command = command.replace("http://127.0.0.1:8000", "http://HOST").replace(":8000", ":PORT")

    answer = json.loads(shell(command.replace("7b0f6a1e-…", submit(stack, TEXT)), stack))

    assert answer.keys() == {"event_id"} or answer["input_text"] == TEXT


@pytest.mark.parametrize("language", [name for name, (program, *_) in SHELLS.items() if shutil.which(program)])
def test_the_loops_of_the_document_wait_for_a_checklist(stack: Stack, language: str) -> None:
    loop = LOOPS[language].replace("http://127.0.0.1:8000", stack.url.rstrip("/"))
    done = subprocess.run(
        [*SHELLS[language], loop],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert_whole(json.loads(done.stdout))


def test_the_document_has_a_loop_for_every_shell() -> None:
    assert LOOPS.keys() == SHELLS.keys()
    assert len(COMMANDS) == 4
