"""The ways to the model servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import openai
from msgspec.structs import replace

from aether.adapters.openai.errors import IMAGES, TEXTS
from aether.adapters.openai.images import ImageSettings, OpenAIIllustrator
from aether.settings import Settings

_MAX_REDIRECTS = 3
_NO_KEY = "none"  # the client insists on one; servers that need none ignore it


@asynccontextmanager
async def model_client(settings: Settings) -> AsyncIterator[openai.AsyncOpenAI]:
    """Open the client for the model server; it never retries by itself, since each attempt belongs in the record."""
    timeout = httpx2.Timeout(settings.model_read_timeout, connect=settings.model_connect_timeout, pool=None)
    key = settings.openai_api_key
    limits = httpx2.Limits(max_connections=settings.model_calls, keepalive_expiry=15.0)
    client = openai.AsyncOpenAI(
        api_key=key.reveal() if key else _NO_KEY,
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAioHttpClient(timeout=timeout, limits=limits),
    )
    async with client:
        yield client


@asynccontextmanager
async def illustrator(settings: Settings, model: str) -> AsyncIterator[OpenAIIllustrator]:
    """Open the clients for the server that paints, and for the addresses at which it may leave its images."""
    timeout = httpx2.Timeout(settings.model_read_timeout, connect=settings.model_connect_timeout, pool=None)
    web = httpx2.AsyncClient(timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS)
    seconds, most = settings.model_total_timeout, settings.image_max_bytes
    own = settings.image_base_url is not None or settings.image_api_key is not None
    terms = ImageSettings(model, settings.image_options or {}, seconds, most, IMAGES if own else TEXTS)
    async with model_client(_of_images(settings)) as client, web:
        yield OpenAIIllustrator(client, web, terms)


def _of_images(settings: Settings) -> Settings:
    """Return the settings as they are for the server that paints; another server gets no key but its own."""
    elsewhere = settings.image_base_url is not None
    return replace(
        settings,
        openai_base_url=settings.image_base_url or settings.openai_base_url,
        openai_api_key=settings.image_api_key or (None if elsewhere else settings.openai_api_key),
        # Nothing is heard of an image before it is finished.
        model_read_timeout=settings.model_total_timeout,
    )
