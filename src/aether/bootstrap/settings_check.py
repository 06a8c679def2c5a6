"""Settings check: whether the service could start with these settings, without starting anything."""

from typing import NamedTuple

from yarl import URL

from aether.adapters.local.embedded_valkey import find_valkey
from aether.adapters.local.local_model.launcher import find_model
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.storage import object_store, redis_url
from aether.settings import Settings

_DEFAULT_SERVER = "https://api.openai.com/v1"


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


def model_server_url(settings: Settings) -> str:
    """Return the base URL of the model server, without credentials."""
    return str(URL(settings.openai_base_url or _DEFAULT_SERVER).with_user(None))


def _store(settings: Settings) -> str:
    if settings.redis_url is None:
        return f"{find_valkey().name}, embedded, in {settings.home}"
    redis_url(settings)
    return "the server at REDIS_URL"


def _model(settings: Settings) -> str:
    if settings.uses_model_server:
        return f"{settings.model} at {model_server_url(settings)}"
    return f"{find_model(settings.local_model).stem}, on this machine"
