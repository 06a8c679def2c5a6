"""Model probe: finds out what the configured model server can do, and remembers it for the workers."""

from aether.adapters.openai.probe import ModelProbe
from aether.adapters.openai.probe_checks import ProbeResult
from aether.bootstrap.dialects import remember_dialect
from aether.bootstrap.models import chat_api
from aether.bootstrap.storage import redis_client
from aether.settings import Settings


async def probe_model(settings: Settings) -> ProbeResult:
    """Make the calls.

    Raises:
        ConfigurationError: the key cannot be sent.
    """
    async with chat_api(settings) as api:
        return await ModelProbe(api, settings.model, settings.model_options or {}).run()


async def remember_result(settings: Settings, result: ProbeResult) -> None:
    """Store how the model is best asked.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    async with redis_client(settings) as client:
        await remember_dialect(client, settings, result.model, result.dialect)
