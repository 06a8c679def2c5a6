"""Documents: what renders them, and the model that they say has written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aether.adapters.local.rendering.renderer import ProcessRenderer
from aether.errors import ConfigurationError
from aether.settings import Settings

_BUNDLED_MODEL = "SmolLM2-135M-Instruct"


@asynccontextmanager
async def document_renderer(settings: Settings) -> AsyncIterator[ProcessRenderer]:
    """Open the renderer; its processes start when they are needed, and end with it.

    Raises:
        ConfigurationError: the folder of fonts does not exist.
    """
    if settings.fonts and not settings.fonts.is_dir():
        raise ConfigurationError(f"AETHER_FONTS: {settings.fonts} is not a folder.")
    renderer = ProcessRenderer(settings.fonts)
    try:
        yield renderer
    finally:
        await renderer.close()


def model_name(settings: Settings) -> str:
    """Return the model that writes unless a request names another one."""
    if settings.uses_model_server:
        return settings.model
    return settings.local_model.stem if settings.local_model else _BUNDLED_MODEL
