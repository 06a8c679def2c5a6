"""A model that asks for a pause stops no job of another model, through real processes."""

import pytest

from tests.scripted_model import NAMED, Rule, Setup, rate_limit_error
from tests.service.stack import Json, Stack
from tests.waiting import until

FREE = "a-model-for-free"


def pause_of(seconds: float) -> list[Rule]:
    """The server asks every call of the free model to wait so long."""
    return [Rule(contains=FREE, do=rate_limit_error(after_s=seconds))]


def attempts(stack: Stack, job_id: str) -> list[Json]:
    found: list[Json] = stack.get(job_id)["attempts"]
    return found


def test_a_pause_of_a_day_stops_neither_another_model_nor_the_next_job_of_its_own(bare: Stack) -> None:
    bare.model.use(pause_of(86_400), Setup(sections=2))
    bare.ready(bare.start_worker())
    first = bare.when(bare.submit("Pauses of a day", model=FREE), "failed")
    assert first["problem"]["type"] == "urn:aether:problem:model-overloaded"

    waiting = bare.submit("Pauses of the next job", model=FREE)
    other = bare.when(bare.submit("Paid for"), "completed")

    assert len(other["report"]["sections"]) == 2
    assert bare.get(waiting)["status"] in {"pending", "processing"}
    assert [call.model for call in bare.model.calls()].count(FREE) == 1


@pytest.mark.parametrize("calls", ["1", "500"])
def test_jobs_of_a_paused_model_keep_no_place_and_no_call(bare: Stack, calls: str) -> None:
    bare.model.use(pause_of(60), Setup(sections=2))
    bare.ready(bare.start_worker(AETHER_WORKER_JOBS="1", AETHER_MODEL_CALLS=calls))
    paused = [bare.submit(f"Paused job {at}", model=FREE) for at in range(3)]
    until(lambda: bool(attempts(bare, paused[0])))

    other = bare.when(bare.submit("In another model's time"), "completed")

    assert len(other["report"]["sections"]) == 2
    assert {bare.get(job_id)["status"] for job_id in paused} <= {"pending", "processing"}
    [attempt] = attempts(bare, paused[0])
    assert attempt["nextRetryAt"] is not None


@pytest.mark.parametrize("calls", ["1", "2"])
def test_a_model_that_does_not_answer_holds_back_no_call_of_another(bare: Stack, calls: str) -> None:
    bare.model.use([Rule(contains=FREE, do=NAMED["hang"])], Setup(sections=2))
    bare.ready(bare.start_worker(AETHER_MODEL_CALLS=calls))
    for at in range(3):
        bare.submit(f"Silent job {at}", model=FREE)
    until(lambda: [call.model for call in bare.model.calls()].count(FREE) == int(calls))

    other = bare.when(bare.submit("Answered"), "completed")

    assert len(other["report"]["sections"]) == 2
    assert [call.model for call in bare.model.calls()].count(FREE) == int(calls)


def test_a_job_goes_on_where_it_stopped_when_the_pause_is_over(bare: Stack) -> None:
    bare.model.use([Rule(kind="section", index=1, times=1, do=rate_limit_error(after_s=12))], Setup(sections=3))
    bare.ready(bare.start_worker(AETHER_WORKER_JOBS="1"))
    job_id = bare.submit("Pauses in the middle")
    until(lambda: bool(attempts(bare, job_id)))

    done = bare.when(job_id, "completed")

    assert len(done["report"]["sections"]) == 3
    assert bare.model.count() == 1 + 3 + 1
