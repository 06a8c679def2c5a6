"""Harness for reports: a writer that follows a script, and workers that run one report job."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.job import Job, Kind, Limits, Usage
from aether.domain.report import Outline, OutlineItem, Section
from aether.domain.report_request import ReportRequest
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.durable.token_budget import reserve_tokens
from aether.errors import AetherError
from aether.workflows.report.draft import Draft
from aether.workflows.report.recipe import first_steps, write_report
from tests.fakes import FastClock, MemoryJobStore

ID = "job"
TITLES = ("Origins", "Republic", "Fall")
REQUEST = ReportRequest(topic="Rome")
_UNLIMITED = Limits()


async def no_wait(_: int) -> None:
    pass


@dataclass
class ScriptedWriter:
    """A `Writer` with a fixed outline; each section awaits `before`, then raises the next of its `failures`, if any.

    Attributes:
        texts: The texts of sections by position, instead of a short one.
        rewrites: The texts of rewritten sections by position, or an error.
        cost: The tokens of a rewrite or of a derived section, in estimates and in fact.
        calls: How often each step has made a call that was answered.
    """

    titles: Sequence[str] = TITLES
    before: Callable[[int], Awaitable[None]] = no_wait
    failures: dict[int, list[AetherError]] = field(default_factory=dict)
    outline_calls: int = 0
    written: list[int] = field(default_factory=list)
    requests: dict[int, ReportRequest] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    rewrites: dict[int, str | AetherError] = field(default_factory=dict)
    before_rewrite: Callable[[int], Awaitable[None]] = no_wait
    cost: int = 0
    faults: dict[int, Sequence[str]] = field(default_factory=dict)
    derived_from: dict[DerivedKind, tuple[str, ...]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    async def write_outline(self, request: ReportRequest) -> Outline:
        assert request.topic == "Rome"
        self.outline_calls += 1
        self.calls["outline"] += 1
        return Outline.of(map(OutlineItem, self.titles))

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        assert request.topic == "Rome"
        await self.before(position)
        if failures := self.failures.get(position):
            raise failures.pop(0)
        self.written.append(position)
        self.requests[position] = request
        self.calls[f"section:{position}"] += 1
        return Section(self.texts.get(position, f"On {outline.items[position].title}, part {position}."))

    async def rewrite_section(self, draft: Draft, position: int, faults: Sequence[str]) -> Section:
        self.faults[position] = faults
        await self.before_rewrite(position)
        with reserve_tokens(self.cost) as meter:
            meter.spend(Usage(1, self.cost, 0))
        rewrite = self.rewrites.get(position, draft.sections[position].text)
        if isinstance(rewrite, AetherError):
            raise rewrite
        self.calls[f"rewrite:{position}"] += 1
        return Section(rewrite)

    def estimate_rewrite(self, draft: Draft, position: int, faults: Sequence[str]) -> int:
        assert (position < len(draft.sections), bool(faults)) == (True, True)
        return self.cost

    async def derive(self, draft: Draft, kind: DerivedKind) -> DerivedSection:
        with reserve_tokens(self.cost) as meter:
            meter.spend(Usage(1, self.cost, 0))
        self.calls[f"derived:{kind}"] += 1
        self.derived_from[kind] = draft.texts
        return DerivedSection(f"The {kind}.")

    def estimate_derivation(self, draft: Draft, kind: DerivedKind) -> int:
        assert kind in draft.request.derived
        return self.cost


@dataclass
class ReportBench:
    """One report job, and workers that run it."""

    writer: ScriptedWriter
    request: ReportRequest = REQUEST
    clock: FastClock = field(default_factory=FastClock)
    calls: int = 100
    limits: Limits = _UNLIMITED
    store: MemoryJobStore = field(default_factory=MemoryJobStore)

    def __post_init__(self) -> None:
        self.store.clock = self.clock

    async def submit(self) -> None:
        request = msgspec.json.encode(self.request)
        await self.store.create(NewJob(ID, Kind.REPORT, "ada", request, first_steps(self.request), self.limits))

    async def run(self) -> Job:
        tools = RunDependencies(RetryPolicy(attempts=3), ConcurrencyLimiter(self.calls, self.clock), self.clock)
        recipe = Recipe(ReportRequest, partial(write_report, writer=self.writer))
        await Runner(self.store, {Kind.REPORT: recipe}, tools).perform(ID)
        return self.job

    @property
    def job(self) -> Job:
        return self.store.jobs[ID]


async def finished(writer: ScriptedWriter, request: ReportRequest = REQUEST, limits: Limits = _UNLIMITED) -> Job:
    """Submit the request, run the job and return it."""
    bench = ReportBench(writer, request, limits=limits)
    await bench.submit()
    return await bench.run()
