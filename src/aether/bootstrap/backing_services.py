"""Backing services: the store and the model that the service starts itself, unless the settings name others."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from msgspec.structs import replace

from aether.adapters.local.embedded_valkey import embedded_valkey
from aether.adapters.local.local_model.launcher import local_model
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

log = structlog.get_logger()


@asynccontextmanager
async def backing_services(settings: Settings) -> AsyncIterator[Settings]:
    """Start the backing services that the settings do not name, and yield settings that name them.

    An embedded Valkey is started without `REDIS_URL`, and the local model with neither `OPENAI_API_KEY` nor
    `OPENAI_BASE_URL`.

    Raises:
        ConfigurationError: one of them cannot be started; the message names the alternatives.
    """
    async with AsyncExitStack() as stack:
        if settings.redis_url is None:
            check_embedded(settings)
            store = embedded_valkey(settings.home, syncs_each_write=settings.durable == "local")
            url = await stack.enter_async_context(store)
            settings = replace(settings, redis_url=Secret(url))
        yield await stack.enter_async_context(model_service(settings))


def check_embedded(settings: Settings) -> None:
    """Check that the embedded store can do what the settings want.

    Raises:
        ConfigurationError: they want replicas.
    """
    if settings.durable == "replica":
        raise ConfigurationError("AETHER_DURABLE is replica, and the embedded store has none. Set REDIS_URL.")


@asynccontextmanager
async def model_service(settings: Settings) -> AsyncIterator[Settings]:
    """Start the local model if the settings name no model server, and yield settings that name it.

    Raises:
        ConfigurationError: it cannot be started; the message names the alternatives.
    """
    if settings.uses_model_server:
        yield settings
        return
    async with local_model(settings.home, settings.local_model) as model:
        if "AETHER_MODEL" in Settings.given_variables():
            log.warning("settings.unused", setting="AETHER_MODEL", reason="the local model is used")
        yield replace(
            settings,
            openai_base_url=model.base_url,
            openai_api_key=Secret(model.api_key),
            model=model.name,
            models=model.name,  # it would write whatever model a request names
            model_calls=min(settings.model_calls, model.slots),
            model_context=min(settings.model_context or model.context, model.context),
        )
