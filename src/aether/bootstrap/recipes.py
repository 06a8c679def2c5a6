"""Recipes of the worker: the workflow of each kind of job, with the ports that it needs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import structlog
from msgspec.structs import replace

from aether.adapters.openai.catalog import ModelCatalog, ModelFacts
from aether.adapters.openai.dialect_memory import DialectMemory
from aether.adapters.openai.http_api import ServerApi
from aether.adapters.openai.model_names import is_small, parameters_of, writes_english_only
from aether.bootstrap.models import chat_api, illustrator, language_model
from aether.domain.job import Kind
from aether.durable.background import BackgroundTasks
from aether.durable.concurrency_limiter import ConcurrencyLimiter, ModelLimiters
from aether.durable.ports import FileStore
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe
from aether.durable.step import RunDependencies
from aether.errors import ModelUnreachableError
from aether.settings import Settings
from aether.workflows.definition import ModelServer, Ports, Workflow
from aether.workflows.llm.model_choice import ModelChoice
from aether.workflows.llm.ports import ChatModel
from aether.workflows.registry import WORKFLOWS

DEFAULT_CONTEXT = 128_000
"""Tokens of a model whose server does not say how many it has."""

_MIN_CONTEXT = 2_048  # as for AETHER_MODEL_CONTEXT
_ASK_TIMEOUT_S = 1.0
_ASK_AGAIN_S = 60.0

log = structlog.get_logger()


@asynccontextmanager
async def recipes(
    settings: Settings, files: FileStore, dependencies: RunDependencies, memory: DialectMemory | None = None
) -> AsyncIterator[Mapping[Kind, Recipe]]:
    """Open the model servers' clients, and yield a recipe for each kind in the registry.

    `memory` is what is known about the models' dialects.
    The server is asked for facts about its model. If it has not answered yet, it does not delay the worker: the recipes
    are replaced once it has.
    """
    memory = memory or DialectMemory()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(chat_api(settings))
        images = None
        if settings.image_model is not None:
            images = await stack.enter_async_context(illustrator(settings, settings.image_model))
        # A model that is overloaded says nothing about another one, nor does a server.
        limiters = {
            ModelServer.CHAT: ModelLimiters(settings.model_calls, dependencies.clock),
            ModelServer.IMAGES: ModelLimiters(settings.model_calls, dependencies.clock),
        }

        def build(facts: ModelFacts) -> dict[Kind, Recipe]:
            chat = _chat(settings, api, memory, facts)
            ports = _ports(settings, facts, Ports(chat, DEFAULT_CONTEXT, files, images))
            return _build(settings, ports, dependencies.policy, limiters)

        kinds = build(ModelFacts())
        catalog = ModelCatalog(api)
        is_asked = asyncio.Event()

        async def ask() -> None:
            kinds.update(build(await _ask_facts(catalog, settings.model, is_asked)))
            is_asked.set()

        await stack.enter_async_context(BackgroundTasks(ask))
        with suppress(TimeoutError):
            await asyncio.wait_for(is_asked.wait(), _ASK_TIMEOUT_S)
        yield kinds


async def _ask_facts(catalog: ModelCatalog, model: str, is_asked: asyncio.Event) -> ModelFacts:
    """Ask for facts about a model until the server answers; `is_asked` is set after the first failure."""
    while True:
        try:
            facts = await catalog.facts(model)
        except ModelUnreachableError:
            is_asked.set()
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            log.info("model.facts", model=model, **facts._asdict())
            return facts


def _chat(settings: Settings, api: ServerApi, memory: DialectMemory, facts: ModelFacts) -> ChatModel:
    chat = language_model(settings, api, memory, knows_llama_cpp=facts.is_llama_cpp)
    if settings.models is None:
        return chat
    return ModelChoice(chat, [*dict.fromkeys((settings.model, *settings.models.split(",")))])


def _ports(settings: Settings, facts: ModelFacts, ports: Ports) -> Ports:
    """Add to the ports what is known about the models: the operator's word first, then the server's, then the name."""

    def asks_plainly(model: str | None) -> bool:
        is_own = model in {None, settings.model}
        return settings.prompts == "plain" or (
            settings.prompts == "auto"
            and is_small((facts.parameters if is_own else None) or parameters_of(model or settings.model))
        )

    return replace(
        ports,
        context=settings.model_context or max(facts.context or DEFAULT_CONTEXT, _MIN_CONTEXT),
        asks_plainly=asks_plainly,
        writes_english_only=lambda model: writes_english_only(model or settings.model),
    )


def _build(
    settings: Settings, ports: Ports, policy: RetryPolicy, limiters: Mapping[ModelServer, ModelLimiters]
) -> dict[Kind, Recipe]:
    policies = {ModelServer.CHAT: policy, ModelServer.IMAGES: _image_policy(settings)}
    models = {ModelServer.CHAT: settings.model, ModelServer.IMAGES: settings.image_model or ""}
    return {
        kind: Recipe(
            workflow.request,
            workflow.make(ports),
            workflow.retry(policies[workflow.server]),
            partial(_limiter, workflow, limiters[workflow.server], models[workflow.server]),
        )
        for kind, workflow in WORKFLOWS.items()
    }


def _limiter(workflow: Workflow, limiters: ModelLimiters, own_model: str, request: object) -> ConcurrencyLimiter:
    return limiters.limiter(workflow.model(request) or own_model)


def _image_policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(settings.image_attempts, settings.retry_base, settings.retry_cap, settings.step_timeout)
