"""What becomes of reports when the model server fails, for now and for good."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from aether.domain.report import roman
from tests.scripted_model import (
    NAMED,
    Action,
    Call,
    HttpError,
    Mix,
    Rule,
    Setup,
    expected_section,
    model_not_found,
    rate_limit_error,
    refusal,
    section_title,
)
from tests.service.stack import Json, Stack, topic_of
from tests.waiting import until

TOPIC = "The Draining of the Fens"
HEADINGS = [f"{roman(index)}. {section_title(index)}" for index in range(1, 9)]
MIX = ("429", "500", "reset", "invalid-json", "empty", "length") * 2 + ("429-after-ms",)
IN_CONVERSATION = {"invalid-json", "length"}
"""Faults of an outline that are answered with a request to repair it, within the same attempt."""


def plain(text: str) -> str:
    return " ".join(text.split())


def step_of(call: Call) -> str:
    return "outline" if call.step.of == "outline" else f"section:{call.index - 1}"


def costs_an_attempt(call: Call) -> bool:
    if call.kind == "outline":
        return bool(call.fault) and call.fault not in IN_CONVERSATION
    if call.kind in {"section", "continuation"}:
        return bool(call.fault) and call.fault != "length"
    return bool(call.fault)


def test_a_hundred_reports_survive_a_fifth_of_all_calls_failing(bare: Stack) -> None:
    # With this seed no continuation is empty or cut off again: that would rightly shorten a section.
    one_bad_outline = Rule(kind="outline", contains=f"{TOPIC}, part 42", times=1, do=NAMED["invalid-json"])
    bare.model.use([one_bad_outline], Setup(sections=5, faults=Mix(rate=0.2, faults=MIX, seed=8)))
    for _ in range(2):
        bare.start_worker()
    topics = [f"{TOPIC}, part {at}" for at in range(100)]
    with ThreadPoolExecutor(4) as pool:
        job_ids = list(pool.map(bare.submit, topics))
    jobs = {topic: bare.when(job_id, "completed") for topic, job_id in zip(topics, job_ids, strict=True)}

    calls: dict[str, list[Call]] = {topic: [] for topic in topics}
    for call in bare.model.calls():
        calls[topic_of(call)].append(call)
    every = [call for of_topic in calls.values() for call in of_topic]
    assert 0.15 < sum(bool(call.fault) for call in every) / len(every) < 0.25
    assert {call.fault for call in every} == {"", *MIX} - {"429-after-ms"}
    for topic, job in jobs.items():
        _assert_whole(topic, job)
        _assert_recorded(calls[topic], job)
        _assert_asked_no_more_than_needed(calls[topic])


def _assert_whole(topic: str, job: Json) -> None:
    assert job["report"]["outline"] == list(job["report"]["sections"]) == HEADINGS[:5]
    for index, text in enumerate(job["report"]["sections"].values(), 1):
        assert plain(text) == plain(expected_section(topic, index))


def _assert_recorded(calls: list[Call], job: Json) -> None:
    """Every fault of the server's record that ended an attempt stands in the job's, and no other."""
    assert Counter(attempt["step"] for attempt in job["attempts"]) == Counter(
        step_of(call) for call in calls if costs_an_attempt(call)
    )
    assert all("nextRetryAt" in attempt for attempt in job["attempts"])
    for step in job["steps"]:
        numbers = [attempt["attempt"] for attempt in job["attempts"] if attempt["step"] == step["name"]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert step["attempts"] == len(numbers) + 1
    assert job["usage"]["calls"] == sum(call.fault not in {"429", "500", "reset"} for call in calls)


def _assert_asked_no_more_than_needed(calls: list[Call]) -> None:
    """The answer that finishes a section is the last call for it; for the outline, whole or repaired, too."""
    for step in {step_of(call) for call in calls}:
        faults = [call.fault for call in calls if step_of(call) == step]
        assert faults.index("") == len(faults) - 1


def failed(stack: Stack, rules: list[Rule]) -> Json:
    stack.model.use(rules)
    return stack.when(stack.submit(TOPIC), "failed")


def test_what_a_rate_limit_asks_for_is_heeded_and_stands_in_the_record(bare: Stack) -> None:
    bare.model.use([Rule(kind="section", index=2, nth=1, do=rate_limit_error(after_s=1))])
    bare.start_worker()
    job = bare.when(bare.submit(TOPIC), "completed")
    first, second = bare.model.calls(kind="section", index=2)

    assert first.finished is not None
    assert second.started - first.finished >= 1.0
    [attempt] = job["attempts"]
    assert (attempt["step"], attempt["attempt"]) == ("section:1", 1)
    assert "429" in attempt["error"]
    assert attempt["nextRetryAt"] > attempt["at"]


@pytest.mark.parametrize("fault", ["400", "401", "403", "404", "refusal", "content-filter"])
def test_a_fault_for_good_fails_the_report_at_once_and_keeps_the_other_sections(stack: Stack, fault: str) -> None:
    # One section is still being written when the fault comes.
    in_flight = Rule(kind="section", index=6, latency_ms=400)
    job = failed(stack, [Rule(kind="section", index=3, do=NAMED[fault], latency_ms=150), in_flight])

    assert stack.model.count(kind="section", index=3) == 1
    assert job["error"] == job["problem"]["detail"]
    assert job["error"].startswith(f"{HEADINGS[2]} failed: ")
    assert job["problem"]["step"] == "section:2"
    assert list(job["partial"]["sections"]) == [heading for heading in HEADINGS if heading != HEADINGS[2]]
    _assert_no_error_text(job)
    assert job["counts"] == {"total": 10, "pending": 1, "running": 0, "done": 8, "failed": 1}
    [attempt] = job["attempts"]
    assert attempt["error"] in job["error"]
    assert "nextRetryAt" not in attempt


def _assert_no_error_text(job: Json) -> None:
    for heading, text in job["partial"]["sections"].items():
        assert plain(text) == plain(expected_section(TOPIC, HEADINGS.index(heading) + 1))


ADVICE: dict[str, tuple[Action, str, list[str]]] = {
    "key": (NAMED["401"], "model-rejected-key", ["OPENAI_API_KEY", "401"]),
    "model": (model_not_found("gpt-99"), "model-failed", ["gpt-99", "does not exist"]),
    "quota": (
        HttpError(status=429, code="insufficient_quota", message="You exceeded your current quota, check your plan."),
        "model-failed",
        ["exceeded your current quota", "plan"],
    ),
    "refusal": (
        refusal("I will not write about fens."),
        "model-refused",
        ["declined", "I will not write about fens."],
    ),
    "request": (NAMED["400"], "model-failed", ["Invalid value in the request."]),
}


@pytest.mark.parametrize("case", ADVICE)
def test_a_failure_says_what_a_person_can_do_about_it(stack: Stack, case: str) -> None:
    do, kind, words = ADVICE[case]
    job = failed(stack, [Rule(kind="outline", do=do)])

    assert job["error"].startswith("Outline failed: ")
    assert [word for word in words if word not in job["error"]] == []
    assert job["problem"]["type"] == f"urn:aether:problem:{kind}"
    assert len(job["attempts"]) == 1
    assert job["partial"] == {"topic": TOPIC, "outline": [], "sections": {}}


@pytest.mark.parametrize(("fault", "why"), [("500", "HTTP 500"), ("reset", "reached"), ("empty", "it is empty")])
def test_a_section_that_fails_six_times_fails_the_report(stack: Stack, fault: str, why: str) -> None:
    job = failed(stack, [Rule(kind="section", index=5, do=NAMED[fault])])

    assert job["error"].startswith(f"{HEADINGS[4]} failed after 6 attempts: ")
    assert why in job["error"]
    assert stack.model.count(kind="section", index=5) == 6
    assert [attempt["attempt"] for attempt in job["attempts"]] == [1, 2, 3, 4, 5, 6]
    assert ["nextRetryAt" in attempt for attempt in job["attempts"]] == [True] * 5 + [False]
    assert len(job["partial"]["sections"]) == 7
    _assert_no_error_text(job)


def test_an_outline_that_stays_unusable_fails_the_report(stack: Stack) -> None:
    job = failed(stack, [Rule(of="outline", do=NAMED["wrong-shape"])])

    assert job["error"].startswith("Outline failed after 6 attempts: The model's answer was unusable")
    assert (stack.model.count(kind="outline"), stack.model.count(kind="repair")) == (6, 6)
    assert stack.model.count(kind="section") == 0


def test_a_failed_report_that_is_tried_again_asks_only_for_what_is_missing(stack: Stack) -> None:
    before = failed(stack, [Rule(kind="section", index=7, times=1, do=NAMED["401"], latency_ms=200)])
    answer = stack.http.post(f"/reports/{before['jobId']}/retry")
    job = stack.when(before["jobId"], "completed")

    assert answer.status_code == 202
    assert "error" not in job
    assert [call.index for call in stack.model.calls(kind="section")].count(7) == 2
    assert len(stack.model.calls()) == 10
    assert before["partial"]["sections"].items() <= job["report"]["sections"].items()
    assert [attempt["attempt"] for attempt in job["attempts"]] == [1]


def test_one_report_that_fails_does_not_hinder_another(stack: Stack) -> None:
    stack.model.use([Rule(topic=TOPIC, kind="section", do=NAMED["401"])])
    bad, good = stack.submit(TOPIC), stack.submit("Another")

    stack.when(good, "completed")
    until(lambda: stack.get(bad)["status"] == "failed")
