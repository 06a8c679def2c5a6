"""Settings check: whether the service could start with these settings, without starting anything."""

from typing import NamedTuple

from aether.adapters.local.embedded_valkey import find_valkey
from aether.adapters.local.local_model.launcher import find_model
from aether.adapters.openai.address import ModelAddress
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.storage import object_store, redis_url
from aether.settings import Settings


class ServiceSummary(NamedTuple):
    """What the service would use, in words without secrets."""

    store: str
    model: str


def check_settings(settings: Settings) -> ServiceSummary:
    """Return what the service would use.

    Raises:
        ConfigurationError: it cannot start; the message says what to set.
    """
    summary = ServiceSummary(_store(settings), _model(settings))
    object_store(settings)
    token_verifier(settings)
    return summary


def _store(settings: Settings) -> str:
    if settings.redis_url is None:
        return f"{find_valkey().name}, embedded, in {settings.home}"
    redis_url(settings)
    return "the server at REDIS_URL"


def _model(settings: Settings) -> str:
    if settings.uses_model_server:
        return f"{settings.model} at {ModelAddress.parse(settings.openai_base_url).label()}"
    return f"{find_model(settings.local_model).stem}, on this machine"
