import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest

from aether.domain.image import GenerationRequest, Image
from aether.domain.job import Change, Job, Kind, Status, StepStatus, Usage
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import NewJob
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe, Runner
from aether.durable.step import RunDependencies
from aether.durable.token_budget import reserve_tokens
from aether.errors import AetherError, ModelFailedError, ModelOverloadedError, ModelRefusedError, ModelUnreachableError
from aether.workflows.definition import Ports
from aether.workflows.image.recipe import WORKFLOW, first_steps, images_so_far
from tests.durable_bench import until
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore
from tests.scripted_chat import ScriptedChat
from tests.scripted_model import png

ID = "job"
FOUR = GenerationRequest("A lighthouse", count=4)


async def at_once(_: int) -> None:
    pass


@dataclass
class ScriptedIllustrator:
    """An `Illustrator` that fails as `failures` say, and else paints once `before` lets it; no image is like another.

    `painted` are the positions of what was paid for.
    """

    before: Callable[[int], Awaitable[None]] = at_once
    failures: dict[int, list[AetherError]] = field(default_factory=dict)
    contents: dict[int, list[bytes]] = field(default_factory=dict)
    painted: list[int] = field(default_factory=list)
    calls: int = 0

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        assert request.prompt == "A lighthouse"
        self.calls += 1
        await self.before(position)
        if failures := self.failures.get(position):
            raise failures.pop(0)
        with reserve_tokens(0) as meter:
            meter.spend(Usage(1, 10, 272))
        self.painted.append(position)
        contents = self.contents.get(position)
        return contents.pop(0) if contents else png(len(self.painted))


@dataclass
class Studio:
    """One job, and workers to run it."""

    illustrator: ScriptedIllustrator
    request: GenerationRequest = FOUR
    has_model: bool = True
    clock: FastClock = field(default_factory=FastClock)
    files: MemoryFiles = field(default_factory=MemoryFiles)

    def __post_init__(self) -> None:
        self.store = MemoryJobStore(clock=self.clock)

    async def submit(self) -> None:
        request = msgspec.json.encode(self.request)
        await self.store.create(NewJob(ID, Kind.IMAGE, "ada", request, first_steps(self.request)))

    async def run(self) -> Job:
        illustrator = self.illustrator if self.has_model else None
        ports = Ports(ScriptedChat(), context=1, files=self.files, illustrator=illustrator)
        recipe = Recipe(WORKFLOW.request, WORKFLOW.make(ports), WORKFLOW.retry(RetryPolicy(attempts=5)))
        tools = RunDependencies(RetryPolicy(), ConcurrencyLimiter(100, self.clock), self.clock)
        await Runner(self.store, {Kind.IMAGE: recipe}, tools).perform(ID)
        return self.job

    @property
    def job(self) -> Job:
        return self.store.jobs[ID]

    async def is_served(self, position: int) -> bool:
        """Whether the image is finished and its file is what it says."""
        image = images_so_far(self.job)[position]
        return image is not None and Image.of(await self.files.read(ID, image.digest) or b"") == image


async def finished(illustrator: ScriptedIllustrator, request: GenerationRequest = FOUR) -> Studio:
    studio = Studio(illustrator, request)
    await studio.submit()
    await studio.run()
    return studio


def waits(job: Job) -> list[float]:
    return [(attempt.next_retry_at - attempt.at).total_seconds() for attempt in job.attempts if attempt.next_retry_at]


async def test_four_images_are_made_and_kept() -> None:
    studio = await finished(ScriptedIllustrator())
    job = studio.job

    assert (job.status, job.usage) == (Status.COMPLETED, Usage(4, 40, 1_088))
    assert [(step.name, step.title) for step in job.steps] == [
        ("image:0", "Image 1"),
        ("image:1", "Image 2"),
        ("image:2", "Image 3"),
        ("image:3", "Image 4"),
    ]
    assert [await studio.is_served(position) for position in range(4)] == [True] * 4
    assert len({image.digest for image in images_so_far(job) if image}) == 4


async def test_all_steps_are_known_before_the_job_starts() -> None:
    studio = Studio(ScriptedIllustrator(), GenerationRequest("A lighthouse", count=2))
    await studio.submit()

    assert [step.name for step in studio.job.steps] == ["image:0", "image:1"]
    assert images_so_far(studio.job) == (None, None)


async def test_they_are_made_side_by_side() -> None:
    all_begun = asyncio.Barrier(4)

    async def wait(_: int) -> None:
        await all_begun.wait()

    studio = await finished(ScriptedIllustrator(before=wait))

    assert studio.job.status is Status.COMPLETED


@pytest.mark.parametrize("done", range(4))
async def test_images_whose_worker_stops_are_not_bought_again(done: int) -> None:
    stuck = asyncio.Event()

    async def get_stuck(position: int) -> None:
        if position >= done:
            stuck.set()
            await asyncio.Event().wait()

    studio = Studio(ScriptedIllustrator(before=get_stuck))
    await studio.submit()
    run = asyncio.create_task(studio.run())
    await stuck.wait()
    await until(lambda: studio.job.count(StepStatus.DONE) == done)
    before = images_so_far(studio.job)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    studio.illustrator = second = ScriptedIllustrator()
    job = await studio.run()

    assert (job.status, sorted(second.painted)) == (Status.COMPLETED, list(range(done, 4)))
    assert before[:done] == images_so_far(job)[:done]
    assert [await studio.is_served(position) for position in range(4)] == [True] * 4


async def test_a_worker_that_comes_too_late_puts_nothing_in_the_place_of_a_finished_image() -> None:
    """It slept while it painted; by the time it wakes up another worker has finished the job."""
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleep(_: int) -> None:
        asleep.set()
        await awake.wait()

    one = GenerationRequest("A lighthouse")
    studio = Studio(ScriptedIllustrator(before=sleep, contents={0: [png(99)]}), one)
    await studio.submit()
    late = asyncio.create_task(studio.run())
    await asleep.wait()
    studio.illustrator = ScriptedIllustrator()
    job = await studio.run()
    awake.set()
    await asyncio.gather(late, return_exceptions=True)

    assert await studio.files.read(ID, Image.of(png(99)).digest) == png(99)  # type: ignore[union-attr]
    assert images_so_far(job) == images_so_far(studio.job) == (Image.of(png(1)),)
    assert await studio.is_served(0)


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", b"<!doctype html>", png(1)[:-1]], ids=["empty", "svg", "page", "cut"]
)
async def test_what_is_no_image_is_asked_for_again_and_not_kept(content: bytes) -> None:
    studio = await finished(ScriptedIllustrator(contents={1: [content]}))

    [attempt] = studio.job.attempts
    assert (attempt.step, attempt.error) == ("image:1", "The model's answer was unusable: it is no image.")
    assert studio.job.status is Status.COMPLETED
    assert studio.job.usage.calls == 5
    assert await studio.is_served(1)


async def test_failures_for_now_are_all_recorded_and_each_is_waited_out_longer_than_the_one_before() -> None:
    failures = [
        ModelFailedError(500),
        ModelOverloadedError(429, 2.0),
        ModelUnreachableError("reset"),
        ModelFailedError(502),
    ]
    studio = await finished(ScriptedIllustrator(failures={2: list(failures)}))

    assert studio.job.status is Status.COMPLETED
    assert [(attempt.step, attempt.attempt, attempt.status, attempt.error) for attempt in studio.job.attempts] == [
        ("image:2", 1, 500, str(failures[0])),
        ("image:2", 2, 429, str(failures[1])),
        ("image:2", 3, None, str(failures[2])),
        ("image:2", 4, 502, str(failures[3])),
    ]
    seconds = waits(studio.job)
    assert all(later > earlier for earlier, later in pairwise(seconds))
    assert seconds[1] >= 2.0


async def test_five_failures_are_too_many_even_if_the_server_is_only_overloaded() -> None:
    failures = [ModelOverloadedError(429) for _ in range(9)]
    studio = await finished(ScriptedIllustrator(failures={0: list(failures)}), GenerationRequest("A lighthouse"))

    assert studio.job.status is Status.FAILED
    assert studio.job.problem is not None
    assert studio.job.problem.detail == "Image 1 failed after 5 attempts: The model server is overloaded (HTTP 429)."
    assert [attempt.attempt for attempt in studio.job.attempts] == [1, 2, 3, 4, 5]
    assert studio.illustrator.calls == 5


async def test_a_refusal_fails_the_job_after_one_call() -> None:
    refusal = ModelRefusedError("Your request was rejected by our safety system.", 400)
    studio = await finished(ScriptedIllustrator(failures={0: [refusal]}), GenerationRequest("A lighthouse"))
    job = studio.job

    assert (job.status, studio.illustrator.calls) == (Status.FAILED, 1)
    assert job.problem is not None
    assert (job.problem.type, job.problem.step) == ("model-refused", "image:0")
    [attempt] = job.attempts
    assert (attempt.attempt, attempt.status, attempt.next_retry_at) == (1, 400, None)


async def test_images_that_are_finished_outlive_the_failure_of_another() -> None:
    studio = Studio(ScriptedIllustrator(failures={1: [ModelRefusedError("No.")]}))
    await studio.submit()
    failed = await studio.run()
    await studio.store.move(ID, Change(status=Status.PENDING))
    job = await studio.run()

    assert (failed.status, job.status) == (Status.FAILED, Status.COMPLETED)
    assert sorted(studio.illustrator.painted) == [0, 1, 2, 3]


async def test_an_image_that_cannot_be_kept_for_now_is_not_made_anew() -> None:
    studio = Studio(ScriptedIllustrator(), GenerationRequest("A lighthouse"))
    await studio.submit()
    studio.files.away = True
    run = asyncio.create_task(studio.run())
    await until(lambda: len(studio.clock.slept) > 3)
    studio.files.away = False
    await run

    assert (studio.job.status, studio.illustrator.calls, studio.job.attempts) == (Status.COMPLETED, 1, ())
    assert await studio.is_served(0)


async def test_a_worker_without_a_model_for_images_fails_the_job_and_says_what_to_set() -> None:
    studio = Studio(ScriptedIllustrator(), has_model=False)
    await studio.submit()
    job = await studio.run()

    assert job.status is Status.FAILED
    assert job.problem is not None
    assert job.problem.detail == "The worker has no model for images; set AETHER_IMAGE_MODEL."
    assert {step.status for step in job.steps} == {StepStatus.PENDING}
