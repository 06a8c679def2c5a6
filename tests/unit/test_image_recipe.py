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
from tests.durable_harness import until
from tests.fakes import FastClock, MemoryFiles, MemoryJobStore
from tests.scripted_chat import ScriptedChat
from tests.scripted_model import png

ID = "job"
FOUR = GenerationRequest("A lighthouse", count=4)


async def no_wait(_: int) -> None:
    pass


@dataclass
class ScriptedIllustrator:
    """An `Illustrator`: each call awaits `before`, then raises the next of its `failures`, if any, or returns an image.

    No two images are alike, unless `contents` says what to return. `painted` has the position of each image that was
    paid for.
    """

    before: Callable[[int], Awaitable[None]] = no_wait
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
class ImageBench:
    """One image job, and workers that run it."""

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
        """Whether the image is finished and its file is stored."""
        image = images_so_far(self.job)[position]
        return image is not None and Image.of(await self.files.read(ID, image.digest) or b"") == image


async def finished(illustrator: ScriptedIllustrator, request: GenerationRequest = FOUR) -> ImageBench:
    bench = ImageBench(illustrator, request)
    await bench.submit()
    await bench.run()
    return bench


def waits(job: Job) -> list[float]:
    return [(attempt.next_retry_at - attempt.at).total_seconds() for attempt in job.attempts if attempt.next_retry_at]


async def test_four_images_are_made_and_kept() -> None:
    bench = await finished(ScriptedIllustrator())
    job = bench.job

    assert (job.status, job.usage) == (Status.COMPLETED, Usage(4, 40, 1_088))
    assert [(step.name, step.title) for step in job.steps] == [
        ("image:0", "Image 1"),
        ("image:1", "Image 2"),
        ("image:2", "Image 3"),
        ("image:3", "Image 4"),
    ]
    assert [await bench.is_served(position) for position in range(4)] == [True] * 4
    assert len({image.digest for image in images_so_far(job) if image}) == 4


async def test_all_steps_are_known_before_the_job_starts() -> None:
    bench = ImageBench(ScriptedIllustrator(), GenerationRequest("A lighthouse", count=2))
    await bench.submit()

    assert [step.name for step in bench.job.steps] == ["image:0", "image:1"]
    assert images_so_far(bench.job) == (None, None)


async def test_they_are_made_side_by_side() -> None:
    all_begun = asyncio.Barrier(4)

    async def wait(_: int) -> None:
        await all_begun.wait()

    bench = await finished(ScriptedIllustrator(before=wait))

    assert bench.job.status is Status.COMPLETED


@pytest.mark.parametrize("done", range(4))
async def test_images_whose_worker_stops_are_not_bought_again(done: int) -> None:
    stuck = asyncio.Event()

    async def get_stuck(position: int) -> None:
        if position >= done:
            stuck.set()
            await asyncio.Event().wait()

    bench = ImageBench(ScriptedIllustrator(before=get_stuck))
    await bench.submit()
    run = asyncio.create_task(bench.run())
    await stuck.wait()
    await until(lambda: bench.job.count(StepStatus.DONE) == done)
    before = images_so_far(bench.job)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    bench.illustrator = second = ScriptedIllustrator()
    job = await bench.run()

    assert (job.status, sorted(second.painted)) == (Status.COMPLETED, list(range(done, 4)))
    assert before[:done] == images_so_far(job)[:done]
    assert [await bench.is_served(position) for position in range(4)] == [True] * 4


async def test_a_worker_that_comes_too_late_puts_nothing_in_the_place_of_a_finished_image() -> None:
    """The worker is stopped while it makes an image; when it goes on, another worker has finished the job."""
    asleep, awake = asyncio.Event(), asyncio.Event()

    async def sleep(_: int) -> None:
        asleep.set()
        await awake.wait()

    one = GenerationRequest("A lighthouse")
    bench = ImageBench(ScriptedIllustrator(before=sleep, contents={0: [png(99)]}), one)
    await bench.submit()
    late = asyncio.create_task(bench.run())
    await asleep.wait()
    await until(lambda: [step.status for step in bench.job.steps] == [StepStatus.RUNNING])
    bench.illustrator = ScriptedIllustrator()
    job = await bench.run()
    awake.set()
    await asyncio.gather(late, return_exceptions=True)

    assert await bench.files.read(ID, Image.of(png(99)).digest) == png(99)  # type: ignore[union-attr]
    assert images_so_far(job) == images_so_far(bench.job) == (Image.of(png(1)),)
    assert await bench.is_served(0)


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", b"<!doctype html>", png(1)[:-1]], ids=["empty", "svg", "page", "cut"]
)
async def test_what_is_no_image_is_asked_for_again_and_not_kept(content: bytes) -> None:
    bench = await finished(ScriptedIllustrator(contents={1: [content]}))

    [attempt] = bench.job.attempts
    assert (attempt.step, attempt.error) == ("image:1", "The model's answer was unusable: it is no image.")
    assert bench.job.status is Status.COMPLETED
    assert bench.job.usage.calls == 5
    assert await bench.is_served(1)


async def test_failures_for_now_are_all_recorded_and_each_is_waited_out_longer_than_the_one_before() -> None:
    failures = [
        ModelFailedError(500),
        ModelOverloadedError(429, 2.0),
        ModelUnreachableError("reset"),
        ModelFailedError(502),
    ]
    bench = await finished(ScriptedIllustrator(failures={2: list(failures)}))

    assert bench.job.status is Status.COMPLETED
    assert [(attempt.step, attempt.attempt, attempt.status, attempt.error) for attempt in bench.job.attempts] == [
        ("image:2", 1, 500, str(failures[0])),
        ("image:2", 2, 429, str(failures[1])),
        ("image:2", 3, None, str(failures[2])),
        ("image:2", 4, 502, str(failures[3])),
    ]
    seconds = waits(bench.job)
    assert all(later > earlier for earlier, later in pairwise(seconds))
    assert seconds[1] >= 2.0


async def test_five_failures_are_too_many_even_if_the_server_is_only_overloaded() -> None:
    failures = [ModelOverloadedError(429) for _ in range(9)]
    bench = await finished(ScriptedIllustrator(failures={0: list(failures)}), GenerationRequest("A lighthouse"))

    assert bench.job.status is Status.FAILED
    assert bench.job.problem is not None
    assert bench.job.problem.detail == "Image 1 failed after 5 attempts: The model server is overloaded (HTTP 429)."
    assert [attempt.attempt for attempt in bench.job.attempts] == [1, 2, 3, 4, 5]
    assert bench.illustrator.calls == 5


async def test_a_refusal_fails_the_job_after_one_call() -> None:
    refusal = ModelRefusedError("Your request was rejected by our safety system.", 400)
    bench = await finished(ScriptedIllustrator(failures={0: [refusal]}), GenerationRequest("A lighthouse"))
    job = bench.job

    assert (job.status, bench.illustrator.calls) == (Status.FAILED, 1)
    assert job.problem is not None
    assert (job.problem.type, job.problem.step) == ("model-refused", "image:0")
    [attempt] = job.attempts
    assert (attempt.attempt, attempt.status, attempt.next_retry_at) == (1, 400, None)


async def test_images_that_are_finished_outlive_the_failure_of_another() -> None:
    bench = ImageBench(ScriptedIllustrator(failures={1: [ModelRefusedError("No.")]}))
    await bench.submit()
    failed = await bench.run()
    await bench.store.move(ID, Change(status=Status.PENDING))
    job = await bench.run()

    assert (failed.status, job.status) == (Status.FAILED, Status.COMPLETED)
    assert sorted(bench.illustrator.painted) == [0, 1, 2, 3]


async def test_an_image_that_cannot_be_kept_for_now_is_not_made_anew() -> None:
    bench = ImageBench(ScriptedIllustrator(), GenerationRequest("A lighthouse"))
    await bench.submit()
    bench.files.is_unavailable = True
    run = asyncio.create_task(bench.run())
    await until(lambda: len(bench.clock.slept) > 3)
    bench.files.is_unavailable = False
    await run

    assert (bench.job.status, bench.illustrator.calls, bench.job.attempts) == (Status.COMPLETED, 1, ())
    assert await bench.is_served(0)


async def test_a_worker_without_a_model_for_images_fails_the_job_and_says_what_to_set() -> None:
    bench = ImageBench(ScriptedIllustrator(), has_model=False)
    await bench.submit()
    job = await bench.run()

    assert job.status is Status.FAILED
    assert job.problem is not None
    assert job.problem.detail == "The worker has no model for images; set AETHER_IMAGE_MODEL."
    assert {step.status for step in job.steps} == {StepStatus.PENDING}
