"""How each kind of job is made, with what that needs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from aether.adapters.openai.chat import OpenAIChat, Options
from aether.bootstrap.models import illustrator, model_client
from aether.domain.checklist import ChecklistRequest
from aether.domain.image import GenerationRequest
from aether.domain.job import Kind
from aether.domain.report import ReportRequest
from aether.durable.clock import SystemClock
from aether.durable.concurrency_limiter import ConcurrencyLimiter
from aether.durable.ports import FileStore
from aether.durable.retry import RetryPolicy
from aether.durable.run import Run
from aether.durable.runner import Recipe
from aether.errors import ConfigurationError
from aether.settings import Settings
from aether.workflows.checklist.editor import ModelEditor
from aether.workflows.checklist.recipe import make_checklist
from aether.workflows.image.recipe import generate_images
from aether.workflows.report.recipe import write_report
from aether.workflows.report.writer import ModelWriter


@asynccontextmanager
async def recipes(settings: Settings, files: FileStore) -> AsyncIterator[Mapping[Kind, Recipe]]:
    """Open the model servers' clients for as long as jobs are made."""
    options = Options(settings.model_options or {}, {"outline": settings.outline_options or {}})
    async with model_client(settings) as models, _image_recipe(settings, files) as images:
        chat = OpenAIChat(models, settings.model, settings.model_total_timeout, options)
        editor = ModelEditor(chat, settings.model_context)
        yield {
            Kind.REPORT: Recipe(ReportRequest, partial(write_report, writer=ModelWriter(chat))),
            Kind.CHECKLIST: Recipe(ChecklistRequest, partial(make_checklist, editor=editor)),
            Kind.IMAGE: images,
        }


@asynccontextmanager
async def _image_recipe(settings: Settings, files: FileStore) -> AsyncIterator[Recipe]:
    """Open what makes images; without a model for them, a job that asks for some is failed and told so."""
    if settings.image_model is None:
        yield Recipe(GenerationRequest, _no_images)
        return
    policy = RetryPolicy(
        settings.image_attempts,
        settings.retry_base,
        cap=settings.step_timeout,  # a lower one would end the growth of the waits
        total=settings.step_timeout,
        overload_uses_attempts=True,
        increasing=True,
    )
    async with illustrator(settings, settings.image_model) as opened:
        make = partial(generate_images, illustrator=opened, files=files)
        # Overload of this server says nothing of the one that writes.
        yield Recipe(GenerationRequest, make, policy, ConcurrencyLimiter(settings.model_calls, SystemClock()))


async def _no_images(_run: Run, _request: GenerationRequest) -> None:
    raise ConfigurationError("The worker has no model for images; set AETHER_IMAGE_MODEL.")
