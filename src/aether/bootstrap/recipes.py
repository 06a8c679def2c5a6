"""Recipes of the worker: the workflow of each kind of job, with the ports that it needs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aether.adapters.openai.chat import OpenAIChat, Options
from aether.bootstrap.models import illustrator, model_client
from aether.domain.job import Kind
from aether.durable.concurrency_limiter import ConcurrencyLimiter, ModelLimiters
from aether.durable.ports import FileStore
from aether.durable.retry import RetryPolicy
from aether.durable.runner import Recipe
from aether.durable.step import RunDependencies
from aether.settings import Settings
from aether.workflows.definition import ModelServer, Ports, Workflow
from aether.workflows.llm.model_choice import ModelChoice
from aether.workflows.llm.ports import ChatModel
from aether.workflows.registry import WORKFLOWS


@asynccontextmanager
async def recipes(
    settings: Settings, files: FileStore, dependencies: RunDependencies
) -> AsyncIterator[Mapping[Kind, Recipe]]:
    """Open the model servers' clients, and yield a recipe for each kind in the registry."""
    options = Options(settings.model_options or {}, {"outline": settings.outline_options or {}})
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(model_client(settings))
        chat: ChatModel = OpenAIChat(client, settings.model, settings.model_total_timeout, options)
        if settings.models is not None:
            chat = ModelChoice(chat, [*dict.fromkeys((settings.model, *settings.models.split(",")))])
        images = None
        if settings.image_model is not None:
            images = await stack.enter_async_context(illustrator(settings, settings.image_model))
        ports = Ports(chat, settings.model_context, files, images)
        policies = {ModelServer.CHAT: dependencies.policy, ModelServer.IMAGES: _image_policy(settings)}
        # A model that is overloaded says nothing about another one, nor does a server.
        limiters = {
            ModelServer.CHAT: ModelLimiters(settings.model_calls, dependencies.clock, dependencies.limiter),
            ModelServer.IMAGES: ModelLimiters(settings.model_calls, dependencies.clock),
        }
        models = {ModelServer.CHAT: settings.model, ModelServer.IMAGES: settings.image_model or ""}
        yield {
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
