"""Harness for durable execution: workers over fakes, with one job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aether.domain.job import Job, Kind
from aether.durable.change_hub import TokenChannel
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import Clock, NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.durable.token_stream import NullTokenChannel
from tests.fakes import FastClock, MemoryJobStore, ScriptedCalls

ID = "job"
NEW = NewJob(ID, Kind.REPORT, "ada", b"{}")
Make = Callable[[Run, Any], Awaitable[object]]  # Any: the request of the kind


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    while not condition():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)


@dataclass
class DurableHarness:
    """A store and workers on it; `sections` are the sections of the job's report."""

    store: MemoryJobStore = field(default_factory=MemoryJobStore)
    calls: ScriptedCalls = field(default_factory=ScriptedCalls)
    clock: FastClock = field(default_factory=FastClock)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    ceiling: int = 100
    sections: tuple[str, ...] = ("a", "b", "c")
    job_timeout: float = 3_600.0
    token_channel: TokenChannel = field(default_factory=NullTokenChannel)
    max_pause: float = float("inf")

    def __post_init__(self) -> None:
        self.store.clock = self.clock

    def worker(
        self, make: Make | None = None, limiter: ConcurrencyLimiter | None = None, clock: Clock | None = None
    ) -> Runner:
        """Return another worker on the same store; its clock may show another time."""
        dependencies = RunDependencies(
            self.policy,
            limiter or ConcurrencyLimiter(self.ceiling, self.clock),
            clock or self.clock,
            self.job_timeout,
            self.token_channel,
            self.max_pause,
        )
        return Runner(self.store, {Kind.REPORT: Recipe(dict[str, str], make or self.report)}, dependencies)

    async def report(self, run: Run, _request: object) -> list[str]:
        """The default recipe: an outline, then all sections concurrently."""
        await run.step("outline", lambda: self.calls("outline"), str)
        return await self.fan_out(run)

    async def one_step(self, run: Run, _request: object) -> str:
        """The smallest recipe: one step."""
        return await run.step("outline", lambda: self.calls("outline"), str)

    async def fan_out(self, run: Run, _request: object = None) -> list[str]:
        titles = [f"Title {name}" for name in self.sections]
        return await run.fan_out("section", self.sections, self.calls, str, titles=titles)

    async def perform(self, make: Make | None = None) -> Job:
        """Create the job, run it, and return it."""
        await self.store.create(NEW)
        await self.worker(make).perform(ID)
        return self.job

    @property
    def job(self) -> Job:
        return self.store.jobs[ID]
