"""From a prompt to images, through real processes, as typed in a terminal."""

import hashlib
import json
import re
import shutil

import pytest

from tests.scripted_model import NAMED, Hang, Rule, png
from tests.service.stack import JOB, Json, Stack
from tests.service.test_brief import UUID, shell
from tests.waiting import until

PROMPT = "A lighthouse in a storm, in oils"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def submit(stack: Stack, **wishes: object) -> str:
    answer = stack.http.post("/api/generation", json={"prompt": PROMPT, **wishes})
    assert answer.status_code == 202, answer.text
    generation_id: str = answer.json()["generationId"]
    return generation_id


def get(stack: Stack, generation_id: str) -> Json:
    job: Json = stack.http.get(f"/api/generation/{generation_id}").json()
    return job


def when(stack: Stack, generation_id: str, status: str) -> Json:
    """Return the job once it has ended, with this status."""
    until(lambda: get(stack, generation_id)["status"] != "PENDING")
    job = get(stack, generation_id)
    assert job["status"] == status, job
    return job


def test_curl_an_image_to_its_last_byte(stack: Stack) -> None:
    posted = f"""-H "Content-Type: application/json" -d '{{"prompt": "{PROMPT}"}}'"""
    accepted = shell(f"curl -X POST http://HOST/api/generation {posted}", stack)
    generation_id = json.loads(accepted)["generationId"]
    when(stack, generation_id, "COMPLETE")
    job = json.loads(shell(f"curl http://HOST/api/generation/{generation_id}", stack))
    (url,) = job["images"]
    digest = shell(f"curl {url} | sha256sum", stack).split()[0]
    part = shell(f"curl -r 0-7 {url} | sha256sum", stack).split()[0]

    (call,) = stack.model.calls(kind="image")
    assert re.fullmatch(rf'\{{"generationId":"{UUID}","status":"PENDING"\}}', accepted)
    assert list(job) == [
        *("generationId", "status", "prompt", "images", "attempts", "failedAttempts", "createdAt", "updatedAt")
    ]
    assert digest == hashlib.sha256(png(call.seq)).hexdigest()
    assert part == hashlib.sha256(png(call.seq)[:8]).hexdigest()


def test_httpie_two_images(stack: Stack) -> None:
    accepted = json.loads(shell(f'http POST :PORT/api/generation prompt="{PROMPT}" count:=2 size=1024x1024', stack))
    when(stack, accepted["generationId"], "COMPLETE")
    job = json.loads(shell(f"http :PORT/api/generation/{accepted['generationId']}", stack))

    assert len(job["images"]) == 2
    assert {call.body["size"] for call in stack.model.calls(kind="image")} == {"1024x1024"}


def test_an_image_is_served_once_to_whoever_keeps_it(stack: Stack) -> None:
    (url,) = when(stack, submit(stack), "COMPLETE")["images"]
    whole = stack.http.get(url)
    again = stack.http.get(url, headers={"If-None-Match": whole.headers["ETag"]})
    rest = stack.http.get(url, headers={"Range": "bytes=8-", "If-Range": whole.headers["ETag"]})
    beyond = stack.http.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
    head = stack.http.head(url)

    assert whole.headers["Content-Type"] == "image/png"
    assert whole.headers["ETag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    assert (again.status_code, again.content) == (304, b"")
    assert (rest.status_code, rest.content) == (206, whole.content[8:])
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.content)}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_an_attempt_that_failed_shows_while_the_next_is_waited_for(stack: Stack) -> None:
    stack.model.use([Rule(kind="image", nth=1, do=NAMED["500"]), Rule(kind="image", nth=2, do=Hang())])
    generation_id = submit(stack)
    until(lambda: get(stack, generation_id)["failedAttempts"] == 1)
    stack.model.wait_for_blocking(lambda record: len(record.calls(kind="image")) == 2)
    job = get(stack, generation_id)
    cancelled = stack.http.post(f"/api/generation/{generation_id}/cancel").json()

    (attempt,) = job["attempts"]
    assert job["status"] == "PENDING"
    assert list(attempt) == ["number", "step", "at", "status", "error", "waitSeconds", "nextRetryAt"]
    assert (attempt["number"], attempt["step"], attempt["status"]) == (1, "image:0", 500)
    assert (cancelled["status"], cancelled["error"]) == ("FAILED", "cancelled")
    assert cancelled["attempts"] == job["attempts"]


def test_a_deleted_job_leaves_neither_record_nor_image(stack: Stack) -> None:
    generation_id = submit(stack, count=2)
    urls = when(stack, generation_id, "COMPLETE")["images"]

    assert stack.valkey.client.exists(JOB + generation_id)
    assert stack.http.delete(f"/api/generation/{generation_id}").status_code == 204
    # The worker takes its own mark off the queue a moment after the job has ended.
    until(lambda: stack.valkey.keys_of(generation_id) == [])
    assert [stack.http.get(url).status_code for url in urls] == [404, 404]
