"""Reports by servers that answer in other ways than OpenAI's, through real processes."""

import json
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.scripted_model import (
    NAMED,
    Action,
    Answer,
    Bytes,
    Flood,
    HttpError,
    Rule,
    Setup,
    client_error,
    model_not_found,
)
from tests.service.stack import Json, Stack

OUTLINE = json.dumps({"sections": [{"title": "Rise", "covers": "a"}, {"title": "Fall", "covers": "b"}]})
DRAFT = OUTLINE.replace("Rise", "Draft")
SCHEMA = '"response_format"'


_numbers = count()


def report(stack: Stack, topic: str, status: str = "completed", **options: object) -> Json:
    """Submit a report by a model of its own, whose dialect no other test has taught the workers."""
    return stack.when(stack.submit(topic, model=f"model-{next(_numbers)}", **options), status)


def errors(job: Json) -> list[str]:
    return [attempt["error"] for attempt in job["attempts"]]


BROKEN = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + json.dumps(
    {"choices": [{"message": {"content": OUTLINE.replace('"a"', '"caf~"')}, "finish_reason": "stop"}]}
).encode().replace(b"~", b"\xe9")

OUTLINES: dict[str, tuple[list[Rule], int]] = {
    "in the reasoning": ([Rule(do=Answer(content="", message={"reasoning_content": OUTLINE}))], 1),
    "in a tool": (
        [Rule(do=Answer(content=None, message={"tool_calls": [{"function": {"name": "x", "arguments": OUTLINE}}]}))],
        1,
    ),
    "in parts": ([Rule(do=Answer(message={"content": [{"type": "text", "text": OUTLINE}]}))], 1),
    "after a draft": ([Rule(do=Answer(content=f"{DRAFT}\n</think>\n{OUTLINE}"))], 1),
    "after a draft in brackets": ([Rule(do=Answer(content=f"[THINK]{DRAFT}[/THINK]{OUTLINE}"))], 1),
    "after an empty one": ([Rule(times=1, do=NAMED["empty"]), Rule(do=Answer(content=OUTLINE))], 2),
    "after an error with 200": (
        [
            Rule(times=1, do=HttpError(status=200, body='{"choices": null, "error": {"code": 429, "message": "x"}}')),
            Rule(do=Answer(content=OUTLINE)),
        ],
        2,
    ),
    "after half an answer": (
        [Rule(times=1, do=Answer(content=DRAFT, finish_reason="error")), Rule(do=Answer(content=OUTLINE))],
        2,
    ),
    "after no HTTP": ([Rule(times=1, do=Bytes(b"garbage\r\n\r\n")), Rule(do=Answer(content=OUTLINE))], 2),
    "with broken bytes": ([Rule(do=Bytes(BROKEN))], 1),
    "without a schema": (
        [Rule(contains=SCHEMA, do=HttpError(status=500)), Rule(do=Answer(content=OUTLINE))],
        3,
    ),
    "without a form": (
        [Rule(contains=SCHEMA, do=HttpError(status=404, body="")), Rule(do=Answer(content=OUTLINE))],
        3,
    ),
}


@pytest.mark.parametrize(("rules", "calls"), OUTLINES.values(), ids=OUTLINES)
def test_an_outline_is_found_however_it_comes(stack: Stack, rules: list[Rule], calls: int) -> None:
    stack.model.use([replace(rule, kind="outline") for rule in rules], Setup(sections=2))

    job = report(stack, "Outlines")

    assert job["report"]["outline"] == ["I. Rise", "II. Fall"]
    assert stack.model.count(kind="outline") == calls


THOUGHTS = {
    "silent": "The user wants 250 words, so I plan.\n</think>\n\n",
    "channels": "<|channel|>analysis<|message|>I plan.<|end|><|start|>assistant<|channel|>final<|message|>",
    "brackets": "[THINK]I plan.[/THINK]\n",
}


@pytest.mark.parametrize("before", THOUGHTS.values(), ids=THOUGHTS)
def test_thinking_is_neither_in_the_report_nor_in_its_events(stack: Stack, before: str) -> None:
    stack.model.use([Rule(kind="section", do=Answer(before=before))], Setup(sections=2, section_ms=300))
    job_id = stack.submit("Thinking", model=f"model-{next(_numbers)}")

    with stack.http.stream("GET", f"/reports/{job_id}/events") as response:
        events = response.read().decode()
    job = stack.when(job_id, "completed")

    assert all(text.startswith("This part is kept under") for text in job["report"]["sections"].values())
    assert "plan" not in events.replace("planned", "")


SETUPS = {
    "only streams": Setup(sections=2, whole_answers=False),
    "no system role": Setup(sections=2, system_role=False),
    "no streams": Setup(sections=2, reject_params=("stream",)),
    "no form": Setup(sections=2, json_schema=False, json_mode=False),
    "nothing": Setup(sections=2, whole_answers=False, system_role=False, json_schema=False, json_mode=False),
}


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_a_server_that_lacks_something_writes_a_report(stack: Stack, setup: Setup) -> None:
    stack.model.use([], setup)

    job = report(stack, "Lacking")

    assert len(job["report"]["sections"]) == 2
    assert job["attempts"] == []


FAILURES: dict[str, tuple[Action, str, int]] = {
    "no credit": (
        HttpError(status=429, body='{"error": {"type": "insufficient_quota", "code": null, "message": "Pay first."}}'),
        "Pay first.",
        1,
    ),
    "flagged": (
        HttpError(
            status=403,
            body='{"error": {"code": 403, "message": "input flagged", "metadata": {"reasons": ["violence"]}}}',
        ),
        "declined to answer: input flagged (violence)",
        1,
    ),
    "an unknown endpoint": (
        HttpError(status=200, body='{"error": "unknown endpoint POST /chat/completions"}'),
        "check OPENAI_BASE_URL",
        3,
    ),
    "a redirect": (HttpError(status=307, headers={"location": "http://elsewhere.test/"}), "redirects to", 1),
    "an unknown model": (model_not_found(), "does not exist", 1),
    "a list": (
        HttpError(status=400, body='[{"error": {"code": 400, "message": "User location is not supported."}}]'),
        "User location is not supported.",
        3,
    ),
    "a limit that is reset tomorrow": (
        HttpError(status=429, message="Slow down", type="", headers={"X-RateLimit-Reset": "86000"}),
        "Slow down. It asks for a pause of 24 h.",
        1,
    ),
    "a limit by the day": (
        HttpError(status=429, body='{"error": {"message": "Rate limit exceeded: free-models-per-day"}}'),
        "free-models-per-day",
        1,
    ),
    "a prompt that is too long": (
        client_error(400, "This model's maximum context length is 512 tokens."),
        "Check AETHER_MODEL_CONTEXT.",
        1,
    ),
    "a key in a success": (
        HttpError(status=200, body='{"code": 4100, "msg": "authentication is invalid"}'),
        "Check OPENAI_API_KEY.",
        1,
    ),
    "only thinking": (Answer(content="<think>Hm", finish_reason="length"), "used up by thinking", 6),
}


@pytest.mark.parametrize(("action", "words", "calls"), FAILURES.values(), ids=FAILURES)
def test_a_job_that_cannot_be_done_fails_soon_and_in_the_words_of_the_server(
    stack: Stack, action: Action, words: str, calls: int
) -> None:
    stack.model.use([Rule(kind="outline", do=action)])

    job = report(stack, "Failing", "failed")

    assert words in job["problem"]["detail"]
    assert stack.model.count() == calls


def test_a_prompt_that_was_cut_is_told_in_the_job(stack: Stack) -> None:
    stack.model.use([Rule(kind="section", index=1, do=Answer(prompt_tokens=100))], Setup(sections=2))

    job = report(stack, "Roads", instructions="Write of roads, walls and aqueducts. " * 40)

    assert [("read only 100 tokens" in error) for error in errors(job)] == [True]
    assert job["attempts"][0]["step"] == "section:0"


def test_an_option_that_the_server_does_not_know_costs_one_call(bare: Stack) -> None:
    bare.start_worker(AETHER_MODEL_OPTIONS='{"max_tokens": 300}')
    rules = [Rule(contains='"max_tokens"', do=client_error(400, "Unknown: max_tokens, use max_completion_tokens"))]
    bare.model.use(rules, Setup(sections=2))

    job = bare.when(bare.submit("Options"), "completed")

    assert job["attempts"] == []
    assert sum("max_completion_tokens" in call.body for call in bare.model.calls()) == 3


ENDLESS = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
FLOODS = {
    "bytes": Flood(head=ENDLESS, unit=b"a" * 1_000),
    "text": Flood(head=ENDLESS + b'{"choices":[{"message":{"content":"', unit=b"Rome. "),
    "thoughts": Flood(
        head=STREAM + b'data: {"choices":[{"delta":{"content":"<think>"}}]}\n\n',
        unit=b'data: {"choices":[{"delta":{"content":"Rome. "}}]}\n\n',
    ),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_server_that_sends_a_gigabyte_fails_a_job_and_no_worker(bare: Stack, flood: Flood) -> None:
    bare.model.use([], Setup(sections=8))
    worker = bare.ready(bare.start_worker(AETHER_STEP_ATTEMPTS="2"))
    bare.when(bare.submit("Before"), "completed")
    before = peak_mb(worker.pid)
    bare.model.use([Rule(kind="section", topic="Floods", do=flood)])

    job = bare.when(bare.submit("Floods"), "failed")
    neighbour = bare.when(bare.submit("Neighbours"), "completed")

    assert "it is larger than 8388608 bytes (AETHER_MODEL_MAX_BYTES)" in job["problem"]["detail"]
    assert len(neighbour["report"]["sections"]) == 8
    assert peak_mb(worker.pid) - before < 64


def test_a_model_that_writes_without_end_completes_a_report_with_texts_that_are_cut(stack: Stack) -> None:
    endless = Flood(head=STREAM, unit=b'data: {"choices":[{"delta":{"content":"Rome was not built in a day. "}}]}\n\n')
    stack.model.use([Rule(kind="section", do=endless)], Setup(sections=2))

    job = report(stack, "Endless texts", length="brief", checks="off")

    assert errors(job) == []
    assert all(
        text.startswith("Rome was") and text.endswith("in a day.") and 19_000 < len(text) <= 20_000
        for text in job["report"]["sections"].values()
    )


def test_an_outline_without_end_is_read_up_to_what_is_used(stack: Stack) -> None:
    outline = json.dumps({"sections": [{"title": f"Mine {at}", "covers": "x"} for at in range(100_000)]})
    stack.model.use([Rule(kind="outline", do=Answer(content=outline))])

    job = report(stack, "Endless outlines", sections=3)

    assert job["report"]["outline"] == ["I. Mine 0", "II. Mine 1", "III. Mine 2"]
    assert stack.model.count(kind="outline") == 1


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
