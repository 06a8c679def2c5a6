"""Illustrator factory: the image model as a worker builds it, on a scripted server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aether.adapters.openai.images import OpenAIIllustrator
from aether.bootstrap.models import illustrator
from aether.domain.image import GenerationRequest
from aether.settings import Settings
from tests.scripted_model import Model

KEY = "sk-a-key-that-nobody-may-see"
REQUEST = GenerationRequest("A lighthouse in a storm")
MAX_BYTES = 100_000


@asynccontextmanager
async def open_illustrator(model: Model, **environment: str) -> AsyncIterator[OpenAIIllustrator]:
    """Open an illustrator with short timeouts and a low limit; `environment` is the environment of the worker."""
    settings = Settings.from_env(
        {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": model.base_url,
            "AETHER_IMAGE_MAX_BYTES": str(MAX_BYTES),
            "AETHER_MODEL_CONNECT_TIMEOUT": "10",
            "AETHER_MODEL_READ_TIMEOUT": "2",
            "AETHER_MODEL_TOTAL_TIMEOUT": "60",
            **environment,
        }
    )
    async with illustrator(settings, "scripted-painter") as opened:
        yield opened
