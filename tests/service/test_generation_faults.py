"""What becomes of images when the server that makes them fails, for now and for good, and when a worker dies."""

import signal
import time
from datetime import datetime
from itertools import pairwise

import pytest

from aether.domain.image import Image
from tests.scripted_model import NAMED, Action, Picture, Rule, png, rate_limit_error, size_error
from tests.service.stack import JOB, Json, Stack
from tests.waiting import PATIENCE_S, until

PROMPT = "The lighthouse of Eddystone in a storm"


def submit(stack: Stack, count: int = 1) -> str:
    answer = stack.http.post("/api/generation", json={"prompt": PROMPT, "count": count})
    assert answer.status_code == 202, answer.text
    generation_id: str = answer.json()["generationId"]
    return generation_id


def when(stack: Stack, generation_id: str, status: str, within_s: float = PATIENCE_S) -> Json:
    """Return the generation once it has ended, with this status."""
    deadline = time.monotonic() + within_s
    while (job := stack.http.get(f"/api/generation/{generation_id}").json())["status"] == "PENDING":
        assert "images" not in job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    assert job["status"] == status, job
    return dict(job)


def images(stack: Stack, job: Json) -> list[bytes]:
    answers = [stack.http.get(address) for address in job["images"]]
    assert [answer.headers["content-type"] for answer in answers] == ["image/png"] * len(answers)
    return [answer.content for answer in answers]


def waits(job: Json) -> list[float]:
    """Seconds between each failure and the try after it, as the record has them."""
    return [
        (datetime.fromisoformat(attempt["nextRetryAt"]) - datetime.fromisoformat(attempt["at"])).total_seconds()
        for attempt in job["attempts"]
        if "nextRetryAt" in attempt
    ]


@pytest.mark.parametrize("as_url", [False, True])
def test_four_images_are_made_and_served(stack: Stack, *, as_url: bool) -> None:
    stack.model.use([Rule(kind="image", do=Picture(as_url=as_url))])
    job = when(stack, submit(stack, 4), "COMPLETE")

    painted = [png(call.seq) for call in stack.model.calls(kind="image")]
    assert (len(painted), job["attempts"], job["failedAttempts"]) == (4, [], 0)
    assert sorted(images(stack, job)) == sorted(painted)


def test_failures_for_now_are_waited_out_and_stand_in_the_record(stack: Stack) -> None:
    failures = [NAMED["500"], rate_limit_error(after_s=2), NAMED["reset"]]
    stack.model.use([Rule(kind="image", nth=nth, do=failure) for nth, failure in enumerate(failures, start=1)])
    job = when(stack, submit(stack), "COMPLETE")
    calls = stack.model.calls(kind="image")

    assert job["failedAttempts"] == len(job["attempts"]) == 3
    assert [attempt["number"] for attempt in job["attempts"]] == [1, 2, 3]
    assert [attempt.get("status") for attempt in job["attempts"]] == [500, 429, None]
    assert ["HTTP 500" in job["attempts"][0]["error"], "HTTP 429" in job["attempts"][1]["error"]] == [True, True]
    assert all(later > earlier for earlier, later in pairwise(waits(job)))
    assert waits(job)[1] >= 2.0
    began_again = [later.started - (earlier.finished or 0) for earlier, later in pairwise(calls)]
    # What the record announces is kept.
    assert all(waited >= announced - 0.05 for waited, announced in zip(began_again, waits(job), strict=True))
    assert images(stack, job) == [png(calls[3].seq)]


@pytest.mark.parametrize("fault", ["500", "429", "reset"])
def test_five_failures_are_too_many(stack: Stack, fault: str) -> None:
    stack.model.use([Rule(kind="image", do=NAMED[fault])])
    job = when(stack, submit(stack), "FAILED")

    assert job["error"].startswith("Image 1 failed after 5 attempts: ")
    assert [attempt["number"] for attempt in job["attempts"]] == [1, 2, 3, 4, 5]
    assert ["nextRetryAt" in attempt for attempt in job["attempts"]] == [True] * 4 + [False]
    assert all(later > earlier for earlier, later in pairwise(waits(job)))
    assert stack.model.count(kind="image") == 5
    assert "images" not in job


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (NAMED["policy"], "rejected as a result of our safety system"),
        (size_error("9x9"), "Invalid value: '9x9'"),
        (NAMED["401"], "rejected the API key"),
    ],
    ids=["policy", "size", "key"],
)
def test_a_refusal_is_told_after_one_call(stack: Stack, fault: Action, words: str) -> None:
    stack.model.use([Rule(kind="image", do=fault)])
    job = when(stack, submit(stack), "FAILED")

    assert job["error"].startswith("Image 1 failed: ")
    assert words in job["error"]
    [attempt] = job["attempts"]
    assert attempt["status"] in {400, 401}
    assert "nextRetryAt" not in attempt
    assert stack.model.count(kind="image") == 1


@pytest.mark.parametrize("file", ["html", "svg", "truncated", "empty"])
def test_what_is_no_image_is_not_served_but_asked_for_again(stack: Stack, file: str) -> None:
    picture = Picture(file=file, as_url=True)  # type: ignore[arg-type]  # mypy takes a parameter for any string
    stack.model.use([Rule(kind="image", nth=1, do=picture)])
    job = when(stack, submit(stack), "COMPLETE")

    [attempt] = job["attempts"]
    assert attempt["error"] == "The model's answer was unusable: it is no image."
    assert [Image.of(content) is not None for content in images(stack, job)] == [True]


def test_an_address_with_nothing_there_leads_to_another_image(stack: Stack) -> None:
    stack.model.use([Rule(kind="image", nth=1, do=Picture(file="missing", as_url=True))])
    job = when(stack, submit(stack), "COMPLETE")

    [attempt] = job["attempts"]
    assert attempt["status"] == 404


def test_after_the_kill_of_a_worker_no_finished_image_is_bought_again(bare: Stack) -> None:
    bare.model.use([Rule(kind="image", nth=2, do=NAMED["hang"]), Rule(kind="image", nth=3, do=NAMED["hang"])])
    bare.start_worker()
    generation_id = submit(bare, 3)
    until(lambda: finished(bare, generation_id) == 1 and bare.model.count(kind="image") == 3)
    bare.end_workers(signal.SIGKILL)
    bare.start_worker()
    job = when(bare, generation_id, "COMPLETE")

    first, *_, fourth, fifth = [png(call.seq) for call in bare.model.calls(kind="image")]
    assert bare.model.count(kind="image") == 5
    assert sorted(images(bare, job)) == sorted([first, fourth, fifth])
    assert job["attempts"] == []


def finished(stack: Stack, generation_id: str) -> int:
    fields = stack.valkey.client.hgetall(JOB + generation_id)
    return sum(b'"done"' in value for name, value in fields.items() if name.startswith(b"step:"))


def test_a_worker_without_a_model_for_images_says_so(bare: Stack) -> None:
    bare.start_worker(AETHER_IMAGE_MODEL="")
    job = when(bare, submit(bare, 2), "FAILED")

    assert "AETHER_IMAGE_MODEL" in job["error"]
    assert bare.model.count() == 0
