import asyncio
from collections.abc import Mapping
from typing import Literal

import msgspec
import pytest
from msgspec.structs import replace

from aether.adapters.openai.catalog import ModelFacts
from aether.adapters.openai.chat import OpenAIChat
from aether.adapters.openai.images import OpenAIIllustrator
from aether.bootstrap.recipes import _ports, recipes
from aether.domain.checklist import ChecklistRequest
from aether.domain.image import GenerationRequest
from aether.domain.job import Kind
from aether.domain.report_request import ReportRequest
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe
from aether.durable.step import RunDependencies
from aether.settings import Settings
from aether.workflows.definition import Ports, Workflow
from aether.workflows.registry import WORKFLOWS
from tests.fakes import FastClock, MemoryFiles
from tests.scripted_chat import ScriptedChat

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
    assert opened[EXAMPLE].dependencies(SHARED, ExampleRequest("x")).policy == SHARED.policy


async def test_a_workflow_gets_the_ports_of_its_worker() -> None:
    ports = await ports_of(SETTINGS)

    assert (ports.context, ports.files) == (4_096, FILES)
    assert (type(ports.chat), type(ports.illustrator)) == (OpenAIChat, OpenAIIllustrator)


async def test_without_an_image_model_there_is_no_illustrator() -> None:
    assert (await ports_of(Settings())).illustrator is None


async def test_the_server_of_images_has_its_own_attempts() -> None:
    opened = await recipes_of(SETTINGS)

    policy = opened[Kind.IMAGE].dependencies(SHARED, GenerationRequest("A lighthouse")).policy
    assert (policy.attempts, policy.cap, policy.total) == (5, 60.0, 60.0)


async def test_each_model_of_each_server_has_its_own_limiter() -> None:
    opened = await recipes_of(SETTINGS)

    def limiter(kind: Kind, request: object) -> ConcurrencyLimiter:
        return opened[kind].dependencies(SHARED, request).limiter

    own, same = limiter(Kind.REPORT, ReportRequest("Rome")), ReportRequest("Rome", model=SETTINGS.model)
    free, paid = ReportRequest("Rome", model="free"), ReportRequest("Rome", model="paid")
    image = limiter(Kind.IMAGE, GenerationRequest("A lighthouse"))
    assert own is limiter(Kind.REPORT, same) is limiter(Kind.CHECKLIST, ChecklistRequest("Wash hands."))
    assert limiter(Kind.REPORT, free) is limiter(Kind.REPORT, free)
    assert len({own, image, limiter(Kind.REPORT, free), limiter(Kind.REPORT, paid)}) == 4


async def test_one_model_leaves_calls_to_the_others() -> None:
    opened = await recipes_of(replace(SETTINGS, model_calls=8))
    requests = [ReportRequest("Rome", model=model) for model in ("free", "paid")]
    free, paid = (opened[Kind.REPORT].dependencies(SHARED, request).limiter for request in requests)
    for _ in range(8):
        await free.acquire("a")
    for _ in range(2):
        await paid.acquire("b")

    waiting = asyncio.create_task(paid.acquire("b"))
    await asyncio.sleep(0)
    assert not waiting.done()
    free.release()
    await waiting


@pytest.mark.parametrize(
    ("prompts", "facts", "own", "small", "large"),
    [
        ("auto", ModelFacts(), False, True, False),
        ("auto", ModelFacts(parameters=494e6), True, True, False),
        ("auto", ModelFacts(parameters=70e9), False, True, False),
        ("full", ModelFacts(parameters=494e6), False, False, False),
        ("plain", ModelFacts(), True, True, True),
    ],
)
def test_a_model_is_asked_plainly_if_it_is_small(
    prompts: Literal["auto", "full", "plain"], facts: ModelFacts, *, own: bool, small: bool, large: bool
) -> None:
    """By the word of the operator, else by that of the server, which tells of its own model, else by the name."""
    settings = Settings(model="mine:latest", prompts=prompts)

    ports = _ports(settings, facts, Ports(ScriptedChat(), 8_000, FILES))

    asked = (None, "mine:latest", "qwen2.5:0.5b", "llama3.1:8b")
    assert [ports.asks_plainly(model) for model in asked] == [own, own, small, large]


@pytest.mark.parametrize(
    ("told", "known", "context"),
    [(None, None, 128_000), (None, 8_192, 8_192), (4_096, 8_192, 4_096), (None, 512, 2_048)],
)
def test_the_context_is_the_one_that_is_set_or_that_the_server_tells(
    told: int | None, known: int | None, context: int
) -> None:
    ports = _ports(Settings(model_context=told), ModelFacts(known), Ports(ScriptedChat(), 1, FILES))

    assert ports.context == context


def test_a_model_that_knows_only_english_is_known_by_its_name() -> None:
    ports = _ports(Settings(model="SmolLM2-135M-Instruct.Q4_1"), ModelFacts(), Ports(ScriptedChat(), 1, FILES))

    assert (ports.writes_english_only(None), ports.writes_english_only("gpt-4.1-mini")) == (True, False)
