"""Backing services: the store and the model that the service starts itself, unless the settings name others."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from msgspec.structs import replace

from aether.adapters.local.embedded_valkey import embedded_valkey
from aether.adapters.local.local_model.launcher import local_model
from aether.adapters.openai.local_search import USUAL_PORTS, FoundServer, find_model_server
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

log = structlog.get_logger()


@asynccontextmanager
async def backing_services(settings: Settings) -> AsyncIterator[Settings]:
    """Start the backing services that the settings do not name, and yield settings that name them.

    An embedded Valkey is started without `REDIS_URL`. With neither `OPENAI_API_KEY` nor `OPENAI_BASE_URL`, a model
    server of this machine is used, or else the local model is started.

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
async def model_service(settings: Settings, ports: Sequence[int] = USUAL_PORTS) -> AsyncIterator[Settings]:
    """Yield settings that name a model server: if these name none, one that runs on this machine, or the local model.

    Model servers are looked for at `ports`, unless the settings forbid it or name a file for the local model.

    Raises:
        ConfigurationError: the local model cannot be started; the message names the alternatives.
    """
    if settings.uses_model_server:
        yield settings
        return
    if (found := await find_on_machine(settings, ports)) is not None:
        log.info("model.found", url=found.base_url, model=found.model)
        yield replace(settings, openai_base_url=found.base_url, model=found.model)
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


async def find_on_machine(settings: Settings, ports: Sequence[int] = USUAL_PORTS) -> FoundServer | None:
    """Look for a model server on this machine, unless the settings forbid it or name a file for the local model."""
    if not settings.local_search or settings.local_model is not None:
        return None
    # At its own port this process would ask itself.
    return await find_model_server([port for port in ports if port != settings.port], settings.model)


def model_notes(given: Settings, complete: Settings) -> tuple[str, ...]:
    """Tell which model is used where the given settings name no model server, and what they name in vain."""
    if given.uses_model_server:
        return ()
    is_found = complete.openai_api_key is None  # the local model has one
    notes = [f"using the model server at {complete.openai_base_url}, which runs on this machine"] if is_found else []
    if given.model not in {Settings().model, complete.model}:
        reason = "that server does not list it" if is_found else "neither OPENAI_BASE_URL nor OPENAI_API_KEY is set"
        notes.append(f"not used: AETHER_MODEL, as {reason}")
    return tuple(notes)
