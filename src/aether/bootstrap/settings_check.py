"""Settings check: whether the service could start with these settings, without starting anything."""

from typing import NamedTuple

from redis.exceptions import RedisError

from aether.adapters.local.embedded_valkey import find_valkey
from aether.adapters.local.local_model.launcher import find_model
from aether.adapters.openai.address import ModelAddress
from aether.adapters.redis.server_check import ServerReport, read_report
from aether.bootstrap.backing_services import check_embedded, find_on_machine
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.server_check import refuse
from aether.bootstrap.storage import object_store, redis_client, redis_url
from aether.bootstrap.templates import server_templates
from aether.settings import Settings


class ServiceSummary(NamedTuple):
    """What the service would use, in words without secrets."""

    store: str
    model: str


async def check_settings(settings: Settings) -> ServiceSummary:
    """Return what the service would use. A Redis that does not answer yet passes.

    Raises:
        ConfigurationError: it cannot start; the message says what to set.
    """
    summary = ServiceSummary(await _store(settings), await _model(settings))
    object_store(settings)
    token_verifier(settings)
    server_templates(settings)
    return summary


async def _store(settings: Settings) -> str:
    if settings.redis_url is None:
        check_embedded(settings)
        return f"{find_valkey().name}, embedded, in {settings.home}"
    redis_url(settings)
    report = await _ask(settings)
    if report is None:
        return "the server at REDIS_URL"
    refuse(report, settings)
    note = " (no append-only file: a restart may lose accepted jobs)" if report.has_append_only_file is False else ""
    return f"{report.name} at REDIS_URL{note}"


async def _ask(settings: Settings) -> ServerReport | None:
    try:
        async with redis_client(settings) as client:
            return await read_report(client)
    except (RedisError, OSError):
        return None


async def _model(settings: Settings) -> str:
    if settings.uses_model_server:
        return f"{settings.model} at {ModelAddress.parse(settings.openai_base_url).label()}"
    if (found := await find_on_machine(settings)) is not None:
        return f"{found.model} at {found.base_url}"
    return f"{find_model(settings.local_model).stem}, on this machine"
