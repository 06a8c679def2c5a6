import pytest

from aether.domain.job import Change, Kind, Limits, Status, StepStatus, Usage
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.durable.token_budget import TokenBudget, TokenMeter, reserve_tokens, use_meter
from aether.errors import BudgetExceededError
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.ports import Message, Reply
from tests.fakes import FastClock, MemoryJobStore
from tests.scripted_chat import ScriptedChat


async def spend(tokens: int) -> str:
    with reserve_tokens(tokens) as meter:
        meter.spend(Usage(1, tokens, 0))
    return "written"


async def three_steps(run: Run, _: dict[str, str]) -> list[str]:
    return [await run.step(name, lambda: spend(100), str) for name in ("a", "b", "c")]


async def perform(store: MemoryJobStore) -> None:
    dependencies = RunDependencies(RetryPolicy(), ConcurrencyLimiter(10, store.clock), store.clock)
    await Runner(store, {Kind.REPORT: Recipe(dict[str, str], three_steps)}, dependencies).perform("4f9c")


async def test_a_job_stops_before_a_call_would_exceed_its_budget_and_resumes_with_a_higher_one() -> None:
    store = MemoryJobStore(clock=FastClock())
    await store.create(NewJob("4f9c", Kind.REPORT, "ada", b"{}", limits=Limits(tokens=250)))

    await perform(store)

    job = store.jobs["4f9c"]
    assert job.problem is not None
    assert (job.status, job.problem.type, job.problem.step) == (Status.FAILED, "budget-exceeded", "c")
    assert job.usage == Usage(2, 200, 0)

    await store.move("4f9c", Change(status=Status.PENDING, limits=Limits(tokens=300)))
    await perform(store)

    job = store.jobs["4f9c"]
    assert (job.status, job.usage) == (Status.COMPLETED, Usage(3, 300, 0))
    assert job.count(StepStatus.DONE) == 3


def test_concurrent_calls_share_a_budget() -> None:
    budget = TokenBudget(250, spent=100)
    with budget.reserve(100):
        with pytest.raises(BudgetExceededError, match="250 tokens; 100 are spent, and the next call may need 100"):
            budget.reserve(100).__enter__()
        with budget.reserve(50):
            pass
    with budget.reserve(150):
        pass


def test_outside_of_a_step_there_is_no_budget() -> None:
    with reserve_tokens(10**9) as meter:
        meter.spend(Usage(1, 5, 5))


def test_the_actual_cost_counts_against_the_budget_not_the_reserved_one() -> None:
    budget = TokenBudget(100)
    with use_meter(TokenMeter(budget)), reserve_tokens(90) as meter:
        meter.spend(Usage(1, 10, 10))
    with budget.reserve(80):
        pass


async def test_a_budget_holds_even_if_the_server_reports_no_usage() -> None:
    chat = ScriptedChat(*[Reply("Rome grew.", cut_off=False, usage=Usage(1))] * 2)
    conversation = Conversation(chat, words=300)
    meter = TokenMeter(TokenBudget(500))

    with use_meter(meter):
        await conversation.text([Message("user", "Write.")])
        with pytest.raises(BudgetExceededError, match="401 are spent"):
            await conversation.text([Message("user", "Write.")])

    assert Usage(1) == meter.usage
