"""Models: the clients of the model server for texts, and of the one for images."""

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
    """Open the client of the model server; it does not retry by itself, since the job's record lists each attempt."""
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
    """Open the client of the image server, and a client for the addresses at which that may leave its images."""
    timeout = httpx2.Timeout(settings.model_read_timeout, connect=settings.model_connect_timeout, pool=None)
    web = httpx2.AsyncClient(timeout=timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS)
    has_own_settings = settings.image_base_url is not None or settings.image_api_key is not None
    image_settings = ImageSettings(
        model,
        settings.image_options or {},
        settings.model_total_timeout,
        settings.image_max_bytes,
        IMAGES if has_own_settings else TEXTS,
    )
    async with model_client(_image_client_settings(settings)) as client, web:
        yield OpenAIIllustrator(client, web, image_settings)


def _image_client_settings(settings: Settings) -> Settings:
    """Return the settings for the client of the image server; the key of the text server is sent to no other server."""
    is_other_server = settings.image_base_url is not None
    return replace(
        settings,
        openai_base_url=settings.image_base_url or settings.openai_base_url,
        openai_api_key=settings.image_api_key or (None if is_other_server else settings.openai_api_key),
        # The server sends nothing before the image is finished.
        model_read_timeout=settings.model_total_timeout,
    )
