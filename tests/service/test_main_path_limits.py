"""Budgets and deadlines over real processes."""

from tests.scripted_model import Hang, Rule
from tests.service.stack import Stack


def test_a_job_that_would_exceed_its_budget_fails_and_goes_on_with_a_higher_one(stack: Stack) -> None:
    job_id = stack.submit("Budgets", sections=3, maxTokens=1_500)

    failed = stack.when(job_id, "failed")
    assert failed["problem"]["type"] == "urn:aether:problem:budget-exceeded"
    assert failed["partial"]["outline"]
    assert 0 < sum(failed["usage"][way] for way in ("inputTokens", "outputTokens")) <= 1_500
    calls = stack.model.count()

    answer = stack.http.post(f"/reports/{job_id}/retry", json={"maxTokens": 100_000})
    assert answer.status_code == 202
    completed = stack.when(job_id, "completed")
    assert len(completed["report"]["sections"]) == 3
    assert stack.model.count() == 4 >= calls


def test_a_job_that_takes_too_long_fails_with_what_it_has(stack: Stack) -> None:
    stack.model.use([Rule(kind="section", index=2, do=Hang())])
    job_id = stack.submit("Deadlines", sections=3, deadlineSeconds=2)

    failed = stack.when(job_id, "failed")

    assert failed["problem"]["type"] == "urn:aether:problem:deadline-exceeded"
    assert failed["error"] == "The job was not finished within 2 seconds of being queued."
    assert len(failed["partial"]["sections"]) == 2
