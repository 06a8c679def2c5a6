"""Server settings: the models of a server, and which of the caller's settings it does not use."""

import hmac
from collections.abc import Collection

from aether.cli.local.discovery import ServerAddress
from aether.settings import Secret, Settings

# What the commands read themselves, and what matters only while a server starts.
_OF_THIS_PROCESS = frozenset(
    {
        "AETHER_API_KEY",
        "AETHER_DATA_DIR",
        "AETHER_HOST",
        "AETHER_LOG_FORMAT",
        "AETHER_LOG_LEVEL",
        "AETHER_PORT",
    }
)
# Without OPENAI_*, which many people have set for all their programs.
_OF_MODELS = frozenset(
    {
        "AETHER_IMAGE_MODEL",
        "AETHER_IMAGE_OPTIONS",
        "AETHER_LOCAL_MODEL",
        "AETHER_MODEL",
        "AETHER_MODEL_OPTIONS",
        "AETHER_OUTLINE_OPTIONS",
        "AETHER_PROMPTS",
    }
)


def models_of(settings: Settings) -> dict[str, str]:
    """Return the models by the variables that choose them."""
    models = {"AETHER_MODEL": settings.model, "AETHER_IMAGE_MODEL": settings.image_model}
    return {variable: model for variable, model in models.items() if model}


def fingerprints(settings: Settings, key: Secret) -> dict[str, str]:
    """Return a keyed digest of each setting that has a value, by its variable; the value cannot be read from it."""
    return {name: _digest(name, value, key) for name, value in settings.as_environment().items()}


def notes_on_shared(server: ServerAddress, settings: Settings) -> tuple[str, ...]:
    """Tell which settings of this process a server does not use that was started with settings of its own."""
    if server.key is None or not server.settings:  # of an older version
        return ()
    own = fingerprints(settings, server.key)
    given = (name for name in Settings.given_variables() if name not in _OF_THIS_PROCESS)
    return _note(server.url, [name for name in given if own.get(name) != server.settings.get(name)])


def notes_on_remote(url: str) -> tuple[str, ...]:
    """Tell which settings of this process choose a model, of which a server elsewhere does not hear."""
    return _note(url, sorted(_OF_MODELS.intersection(Settings.given_variables())))


def _note(url: str, unused: Collection[str]) -> tuple[str, ...]:
    return (f"{url} has settings of its own; not used: {', '.join(unused)}",) if unused else ()


def _digest(name: str, value: str, key: Secret) -> str:
    return hmac.digest(key.reveal().encode(), f"{name}={value}".encode(), "sha256").hex()[:16]
