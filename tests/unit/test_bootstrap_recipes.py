from collections.abc import Mapping

import msgspec

from aether.adapters.openai.chat import OpenAIChat
from aether.adapters.openai.images import OpenAIIllustrator
from aether.bootstrap.recipes import recipes
from aether.domain.job import Kind
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe
from aether.durable.step import RunDependencies
from aether.settings import Settings
from aether.workflows.definition import Ports, Workflow
from aether.workflows.registry import WORKFLOWS
from tests.fakes import FastClock, MemoryFiles

EXAMPLE = Kind("example")
FILES = MemoryFiles()
CLOCK = FastClock()
SHARED = RunDependencies(RetryPolicy(attempts=3), ConcurrencyLimiter(8, CLOCK), CLOCK)
SETTINGS = Settings(model_context=4_096, image_model="painter", image_attempts=5, step_timeout=60.0)


class ExampleRequest(msgspec.Struct, frozen=True):
    text: str


class Example:
    """A workflow of a new kind that calls the chat model; it shows its ports."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    async def __call__(self, run: Run, request: ExampleRequest) -> None:
        """Do nothing."""


WORKFLOW = Workflow(ExampleRequest, Example)


async def recipes_of(settings: Settings) -> Mapping[Kind, Recipe]:
    async with recipes(settings, FILES, SHARED) as opened:
        return opened


async def ports_of(settings: Settings) -> Ports:
    with WORKFLOWS.registered(EXAMPLE, f"{__name__}:WORKFLOW"):
        made = (await recipes_of(settings))[EXAMPLE].make
    assert isinstance(made, Example)
    return made.ports


async def test_a_worker_makes_every_kind_that_is_registered() -> None:
    with WORKFLOWS.registered(EXAMPLE, f"{__name__}:WORKFLOW"):
        opened = await recipes_of(SETTINGS)

    assert opened.keys() == {*WORKFLOWS, EXAMPLE}
    assert opened[EXAMPLE].request is ExampleRequest
    assert opened[EXAMPLE].dependencies(SHARED) == SHARED


async def test_a_workflow_gets_the_ports_of_its_worker() -> None:
    ports = await ports_of(SETTINGS)

    assert (ports.context, ports.files) == (4_096, FILES)
    assert (type(ports.chat), type(ports.illustrator)) == (OpenAIChat, OpenAIIllustrator)


async def test_without_an_image_model_there_is_no_illustrator() -> None:
    assert (await ports_of(Settings())).illustrator is None


async def test_the_server_of_images_has_its_own_attempts_and_its_own_limiter() -> None:
    opened = await recipes_of(SETTINGS)

    image = opened[Kind.IMAGE].dependencies(SHARED)
    assert (image.policy.attempts, image.policy.cap, image.policy.total) == (5, 60.0, 60.0)
    assert image.limiter is not SHARED.limiter
    assert {opened[kind].dependencies(SHARED).limiter for kind in (Kind.REPORT, Kind.CHECKLIST)} == {SHARED.limiter}
