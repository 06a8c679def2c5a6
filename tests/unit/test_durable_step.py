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
from aether.errors import (
    ModelFailedError,
    ModelOverloadedError,
    ModelRefusedError,
    ModelRejectedKeyError,
    ModelUnreachableError,
    PermanentError,
    UnusableOutputError,
)
from tests.durable_bench import ID, NEW, EngineBench
from tests.fakes import ScriptedCalls

RETRY = Change(status=Status.PENDING)


def bench(*failures: Exception, policy: RetryPolicy | None = None) -> EngineBench:
    """A bench whose outline fails so many times."""
    calls = ScriptedCalls(failures={"outline": list(failures)})
    return EngineBench(calls=calls, policy=policy or RetryPolicy())


async def test_a_step_stores_what_its_call_returns() -> None:
    on = bench()

    job = await on.perform(on.one_step)

    (step,) = job.steps
    assert (job.status, job.problem, job.usage) == (Status.COMPLETED, None, Usage(1, 10, 1))
    assert (step.name, step.status, step.attempts, bytes(step.result)) == ("outline", StepStatus.DONE, 1, b'"outline"')
    assert step.started_at == step.finished_at == on.clock.now()


async def test_a_step_that_another_run_finished_is_not_called_again() -> None:
    on = bench()
    results: list[str] = []

    async def unlucky(run: Run, _request: object) -> None:
        results.append(await on.one_step(run, None))
        raise PermanentError("not today")

    await on.perform(unlucky)
    await on.store.move(ID, RETRY)
    await on.worker(unlucky).perform(ID)

    assert (results, on.calls.made) == (["outline", "outline"], ["outline"])


async def test_a_failure_for_now_is_waited_out_and_recorded_before_the_next_try() -> None:
    on = bench(ModelUnreachableError("reset"), ModelFailedError(502, retry_after=7.0))
    begun = on.clock.now()

    with capture_logs() as logs:
        job = await on.perform(on.one_step)

    first, second = on.clock.slept
    assert 0 <= first <= 0.5
    assert 7.0 <= second <= 7.5
    after_first = begun + timedelta(seconds=first)
    assert job.attempts == (
        Attempt("outline", 1, begun, "The model server could not be reached: reset.", after_first),
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


async def test_between_two_tries_the_step_is_pending_and_keeps_when_it_began() -> None:
    on = bench(ModelFailedError(500, retry_after=60.0), ModelFailedError(500, retry_after=60.0))
    begun = on.clock.now()

    await on.perform(on.one_step)

    steps = [step for job in on.store.seen for step in job.steps]
    order = [StepStatus.RUNNING, StepStatus.PENDING] * 2 + [StepStatus.RUNNING, StepStatus.DONE]
    assert order == [step.status for step, later in zip(steps, [*steps[1:], None], strict=True) if step != later]
    assert {begun} == {step.started_at for step in steps}


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ModelRefusedError("no"), "model-refused"),
        (ModelRejectedKeyError(401), "model-rejected-key"),
        (PermanentError("no"), "model-failed"),
    ],
)
async def test_a_failure_for_good_fails_the_job_at_once_and_says_which_step(error: PermanentError, word: str) -> None:
    on = bench(error)

    job = await on.perform(on.one_step)

    assert (job.status, job.problem) == (Status.FAILED, Problem(word, f"Outline failed: {error}", "outline"))
    assert (on.clock.slept, on.calls.made, job.steps[0].status) == ([], ["outline"], StepStatus.FAILED)
    assert job.attempts == (Attempt("outline", 1, on.clock.now(), str(error), None, error.status),)


async def test_a_step_gives_up_after_its_last_attempt() -> None:
    on = bench(*[UnusableOutputError("empty")] * 9, policy=RetryPolicy(attempts=4))

    job = await on.perform(on.one_step)

    assert job.problem == Problem(
        "model-failed", "Outline failed after 4 attempts: The model's answer was unusable: empty.", "outline"
    )
    assert [attempt.next_retry_at is not None for attempt in job.attempts] == [True] * 3 + [False]
    assert (len(on.calls.made), job.usage) == (4, Usage(4, 40, 4))


async def test_a_step_gives_up_when_its_time_is_up() -> None:
    on = bench(*[ModelFailedError(503, 250.0)] * 9, policy=RetryPolicy(total=600.0))

    await on.perform(on.one_step)

    assert (len(on.calls.made), on.job.status) == (3, Status.FAILED)


async def test_an_overloaded_server_uses_up_time_but_no_attempts() -> None:
    on = bench(*[ModelOverloadedError(429, 10.0)] * 20, policy=RetryPolicy(attempts=2, total=600.0))

    job = await on.perform(on.one_step)

    assert (job.status, job.steps[0].attempts) == (Status.COMPLETED, 21)


async def test_an_overloaded_server_that_names_no_pause_is_asked_ever_less_often() -> None:
    """Ten minutes of waits of up to half a second would be thousands of calls, each with its record."""
    on = bench(*[ModelOverloadedError(429)] * 5_000)

    job = await on.perform(on.one_step)

    assert (job.status, 20 < len(on.calls.made) < 200) == (Status.FAILED, True)


async def test_a_pause_longer_than_a_step_may_take_holds_others_back_for_that_long_alone() -> None:
    on = bench(ModelOverloadedError(429, retry_after=86_400.0), policy=RetryPolicy(total=600.0))
    worker = on.worker(on.one_step)
    await on.store.create(NEW)
    await worker.perform(ID)

    await on.store.create(replace(NEW, id="other"))
    await worker.perform("other")

    statuses = [on.store.jobs[name].status for name in (ID, "other")]
    assert (statuses, on.clock.seconds) == ([Status.FAILED, Status.COMPLETED], 600.0)


async def test_being_overloaded_makes_later_failures_not_final() -> None:
    failures = [ModelOverloadedError(429, 1.0)] * 5 + [ModelFailedError(500)]
    on = bench(*failures, policy=RetryPolicy(attempts=2))

    job = await on.perform(on.one_step)

    assert Status.COMPLETED is job.status


async def test_a_retried_job_counts_its_attempts_on() -> None:
    on = bench(*[ModelFailedError(500)] * 3, policy=RetryPolicy(attempts=2))
    await on.perform(on.one_step)

    await on.store.move(ID, RETRY)
    await on.worker(on.one_step).perform(ID)

    assert [attempt.attempt for attempt in on.job.attempts] == [1, 2, 3]
    assert (on.job.status, on.job.steps[0].attempts) == (Status.COMPLETED, 4)


async def test_the_wait_for_a_slot_is_not_the_steps_own_time() -> None:
    """Else the last sections of a long report had no second try."""
    on = EngineBench(ceiling=1, calls=ScriptedCalls(failures={"b": [ModelFailedError(500)]}))

    async def slow(name: str) -> str:
        result = await on.calls(name)
        on.clock.seconds += 700 * (name == "a")
        return result

    async def make(run: Run, _request: object) -> None:
        await run.fan_out("section", "ab", slow, str, titles="ab")

    await on.perform(make)

    assert (on.job.status, on.calls.made) == (Status.COMPLETED, ["a", "b", "b"])


async def test_an_unknown_id_and_an_ended_job_are_not_run() -> None:
    on = bench()
    await on.worker().perform("unknown")
    job = await on.perform(on.one_step)

    await on.worker().perform(ID)

    assert (job, ["outline"]) == (on.job, on.calls.made)
    await on.store.create(NEW)
    assert job == on.job


async def test_waits_grow_where_the_policy_says_so_and_being_overloaded_uses_up_attempts() -> None:
    failures = [ModelFailedError(500), ModelOverloadedError(429, 2.0), *[ModelUnreachableError("reset")] * 7]
    on = bench(*failures, policy=RetryPolicy(attempts=5, overload_uses_attempts=True, increasing=True))

    job = await on.perform(on.one_step)

    first, second, third, fourth = on.clock.slept
    assert first < second < third < fourth
    assert second >= 2.0
    assert [attempt.status for attempt in job.attempts] == [500, 429, None, None, None]


async def test_a_kind_may_have_a_policy_of_its_own() -> None:
    on = bench(*[UnusableOutputError("empty")] * 9)
    own = Recipe(dict[str, str], on.one_step, RetryPolicy(attempts=2))
    tools = RunDependencies(on.policy, ConcurrencyLimiter(1, on.clock), on.clock)
    await on.store.create(NEW)

    await Runner(on.store, {Kind.REPORT: own}, tools).perform(ID)

    assert len(on.job.attempts) == 2


async def test_a_plan_that_is_known_beforehand_is_told_before_its_first_step_ends() -> None:
    on = bench()

    async def make(run: Run, _request: object) -> None:
        run.plan("outline", "end")
        await on.one_step(run, None)
        await run.step("end", lambda: on.calls("end"), str)

    job = await on.perform(make)

    progress = [seen.progress for seen in on.store.seen]
    assert (job.total, [step.name for step in job.steps]) == (2, ["outline", "end"])
    assert progress == sorted(progress)
    assert 0.5 in progress
