from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from aether.domain.job import Attempt, Change, Kind, Problem, Status, StepStatus, Usage
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.durable.token_budget import reserve_tokens
from aether.errors import (
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelUnreachableError,
    PermanentError,
    UnusableOutputError,
)
from tests.durable_harness import ID, NEW, DurableHarness
from tests.fakes import ScriptedCalls

RETRY = Change(status=Status.PENDING)


def failing(*failures: Exception, policy: RetryPolicy | None = None) -> DurableHarness:
    """A harness in which the outline fails with these errors."""
    calls = ScriptedCalls(failures={"outline": list(failures)})
    return DurableHarness(calls=calls, policy=policy or RetryPolicy())


async def test_a_step_stores_the_result_of_its_call() -> None:
    harness = failing()

    job = await harness.perform(harness.one_step)

    (step,) = job.steps
    assert (job.status, job.problem, job.usage) == (Status.COMPLETED, None, Usage(1, 10, 1))
    assert (step.name, step.status, step.attempts, bytes(step.result)) == ("outline", StepStatus.DONE, 1, b'"outline"')
    assert step.started_at == step.finished_at == harness.clock.now()


async def test_a_warning_about_a_successful_attempt_is_in_the_record() -> None:
    harness = failing()

    async def warned() -> str:
        with reserve_tokens(0) as meter:
            meter.warn("The prompt was cut.")
        return "done"

    job = await harness.perform(lambda run, _: run.step("outline", warned, str))

    assert (job.status, job.steps[0].status) == (Status.COMPLETED, StepStatus.DONE)
    assert job.attempts == (Attempt("outline", 1, harness.clock.now(), "The prompt was cut."),)


async def test_a_finished_step_is_not_called_again_by_the_next_run() -> None:
    harness = failing()
    results: list[str] = []

    async def fails_after_outline(run: Run, _request: object) -> None:
        results.append(await harness.one_step(run, None))
        raise PermanentError("not today")

    await harness.perform(fails_after_outline)
    await harness.store.move(ID, RETRY)
    await harness.worker(fails_after_outline).perform(ID)

    assert (results, harness.calls.started) == (["outline", "outline"], ["outline"])


async def test_a_transient_failure_is_recorded_before_it_is_retried() -> None:
    harness = failing(ModelUnreachableError("reset"), ModelFailedError(502, retry_after=7.0))
    started = harness.clock.now()

    with capture_logs() as logs:
        job = await harness.perform(harness.one_step)

    first, second = harness.clock.slept
    assert 0 <= first <= 0.5
    assert 7.0 <= second <= 7.5
    after_first = started + timedelta(seconds=first)
    assert job.attempts == (
        Attempt("outline", 1, started, "The model server could not be reached: reset.", after_first),
        Attempt(
            "outline",
            2,
            after_first,
            "The model server failed (HTTP 502).",
            after_first + timedelta(seconds=second),
            status=502,
        ),
    )
    assert (job.status, job.steps[0].attempts, job.usage.calls) == (Status.COMPLETED, 3, 3)
    assert [
        {"step": "outline", "attempt": 1, "error": "ModelUnreachableError", "status": None, "wait_s": first},
        {"step": "outline", "attempt": 2, "error": "ModelFailedError", "status": 502, "wait_s": second},
    ] == [
        {key: entry[key] for key in ("step", "attempt", "error", "status", "wait_s")}
        for entry in logs
        if entry["event"] == "step.attempt_failed"
    ]


async def test_between_attempts_a_step_is_pending_and_keeps_its_start_time() -> None:
    harness = failing(ModelFailedError(500, retry_after=60.0), ModelFailedError(500, retry_after=60.0))
    started = harness.clock.now()

    await harness.perform(harness.one_step)

    steps = [step for job in harness.store.history for step in job.steps]
    order = [StepStatus.PENDING, StepStatus.PENDING, StepStatus.DONE]  # calls that fail at once are not seen to run
    assert order == [step.status for step, later in zip(steps, [*steps[1:], None], strict=True) if step != later]
    assert {started} == {step.started_at for step in steps}


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ModelRefusedError("no"), "model-refused"),
        (ModelRejectedKeyError(401), "model-rejected-key"),
        (PermanentError("no"), "model-failed"),
    ],
)
async def test_a_permanent_failure_fails_the_job_at_once_and_names_the_step(error: PermanentError, word: str) -> None:
    harness = failing(error)

    job = await harness.perform(harness.one_step)

    assert (job.status, job.problem) == (Status.FAILED, Problem(word, f"Outline failed: {error}", "outline"))
    assert (harness.clock.slept, harness.calls.started, job.steps[0].status) == ([], ["outline"], StepStatus.FAILED)
    assert job.attempts == (Attempt("outline", 1, harness.clock.now(), str(error), None, error.status),)


@pytest.mark.parametrize("error", [PermanentError("no\x1b[31m \x00way\x07"), ModelRefusedError("\x9bno" + "o" * 9_000)])
async def test_error_texts_in_a_record_are_short_and_without_control_characters(error: PermanentError) -> None:
    """They may quote a model server."""
    job = await failing(UnusableOutputError("\x1b]0;title\x07\x85"), error).perform()

    assert job.problem
    texts = [job.problem.detail, *(attempt.error for attempt in job.attempts)]
    assert [text for text in texts if len(text) > 1_002 or not text.replace("\n", "").isprintable()] == []
    assert "title" in texts[1]


async def test_a_step_gives_up_after_its_last_attempt() -> None:
    harness = failing(*[UnusableOutputError("empty")] * 9, policy=RetryPolicy(attempts=4))

    job = await harness.perform(harness.one_step)

    assert job.problem == Problem(
        "model-failed", "Outline failed after 4 attempts: The model's answer was unusable: empty.", "outline"
    )
    assert [attempt.next_retry_at is not None for attempt in job.attempts] == [True] * 3 + [False]
    assert (len(harness.calls.started), job.usage) == (4, Usage(4, 40, 4))


async def test_a_step_gives_up_after_its_total_time() -> None:
    harness = failing(*[ModelFailedError(503, 250.0)] * 9, policy=RetryPolicy(total=600.0))

    await harness.perform(harness.one_step)

    assert (len(harness.calls.started), harness.job.status) == (3, Status.FAILED)


async def test_overload_uses_up_time_but_no_attempts() -> None:
    harness = failing(*[ModelOverloadedError(429, 10.0)] * 20, policy=RetryPolicy(attempts=2, total=600.0))

    job = await harness.perform(harness.one_step)

    assert (job.status, job.steps[0].attempts) == (Status.COMPLETED, 21)


async def test_retries_of_an_overloaded_server_without_retry_after_back_off() -> None:
    """Constant waits of half a second for ten minutes would be thousands of calls and records."""
    harness = failing(*[ModelOverloadedError(429)] * 5_000)

    job = await harness.perform(harness.one_step)

    assert (job.status, 20 < len(harness.calls.started) < 200) == (Status.FAILED, True)


async def test_a_pause_holds_back_other_jobs_no_longer_than_a_step_may_take() -> None:
    harness = failing(ModelOverloadedError(429, retry_after=86_400.0), policy=RetryPolicy(total=600.0))
    worker = harness.worker(harness.one_step)
    await harness.store.create(NEW)
    await worker.perform(ID)

    await harness.store.create(replace(NEW, id="other"))
    await worker.perform("other")

    statuses = [harness.store.jobs[name].status for name in (ID, "other")]
    assert (statuses, harness.clock.seconds) == ([Status.FAILED, Status.COMPLETED], 600.0)


async def test_overload_does_not_use_up_the_attempts_of_later_failures() -> None:
    failures = [ModelOverloadedError(429, 1.0)] * 5 + [ModelFailedError(500)]
    harness = failing(*failures, policy=RetryPolicy(attempts=2))

    job = await harness.perform(harness.one_step)

    assert Status.COMPLETED is job.status


async def test_a_retried_job_continues_to_count_its_attempts() -> None:
    harness = failing(*[ModelFailedError(500)] * 3, policy=RetryPolicy(attempts=2))
    await harness.perform(harness.one_step)

    await harness.store.move(ID, RETRY)
    await harness.worker(harness.one_step).perform(ID)

    assert [attempt.attempt for attempt in harness.job.attempts] == [1, 2, 3]
    assert (harness.job.status, harness.job.steps[0].attempts) == (Status.COMPLETED, 4)


async def test_waiting_for_a_slot_does_not_count_towards_the_total() -> None:
    """Otherwise the last sections of a long report would have no second attempt."""
    harness = DurableHarness(ceiling=1, calls=ScriptedCalls(failures={"b": [ModelFailedError(500)]}))

    async def slow(name: str) -> str:
        result = await harness.calls(name)
        harness.clock.seconds += 700 * (name == "a")
        return result

    async def make(run: Run, _request: object) -> None:
        await run.fan_out("section", "ab", slow, str, titles="ab")

    await harness.perform(make)

    assert (harness.job.status, harness.calls.started) == (Status.COMPLETED, ["a", "b", "b"])


async def test_unknown_and_ended_jobs_are_not_run() -> None:
    harness = failing()
    await harness.worker().perform("unknown")
    job = await harness.perform(harness.one_step)

    await harness.worker().perform(ID)

    assert (job, ["outline"]) == (harness.job, harness.calls.started)
    await harness.store.create(NEW)
    assert job == harness.job


async def test_a_policy_can_have_increasing_waits_and_count_overload() -> None:
    failures = [ModelFailedError(500), ModelOverloadedError(429, 2.0), *[ModelUnreachableError("reset")] * 7]
    harness = failing(*failures, policy=RetryPolicy(attempts=5, overload_uses_attempts=True, increasing=True))

    job = await harness.perform(harness.one_step)

    first, second, third, fourth = harness.clock.slept
    assert first < second < third < fourth
    assert second >= 2.0
    assert [attempt.status for attempt in job.attempts] == [500, 429, None, None, None]


async def test_a_kind_can_have_its_own_policy() -> None:
    harness = failing(*[UnusableOutputError("empty")] * 9)
    own = Recipe(dict[str, str], harness.one_step, RetryPolicy(attempts=2))
    dependencies = RunDependencies(harness.policy, ConcurrencyLimiter(1, harness.clock), harness.clock)
    await harness.store.create(NEW)

    await Runner(harness.store, {Kind.REPORT: own}, dependencies).perform(ID)

    assert len(harness.job.attempts) == 2


async def test_a_plan_known_in_advance_is_committed_before_its_first_step_ends() -> None:
    harness = failing()

    async def make(run: Run, _request: object) -> None:
        run.plan("outline", "end")
        await harness.one_step(run, None)
        await run.step("end", lambda: harness.calls("end"), str)

    job = await harness.perform(make)

    progress = [seen.progress for seen in harness.store.history]
    assert (job.total, [step.name for step in job.steps]) == (2, ["outline", "end"])
    assert progress == sorted(progress)
    assert 0.5 in progress
