"""The store of a service, for a command that needs it for a moment, whether the service runs or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from aether.adapters.local.embedded_valkey import DataDirInUseError, embedded_valkey, running_valkey
from aether.cli.local.discovery import running
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

_PAUSE_S = 0.1
_PATIENCE_S = 20.0


@asynccontextmanager
async def opened_store(
    settings: Settings, say: Callable[[str], None], patience_s: float = _PATIENCE_S
) -> AsyncIterator[Settings]:
    """Yield settings that say where the store is.

    Without `REDIS_URL` it is that of the data directory: the one of the server that runs there, or else one that is
    started, and has written all to the disk when the context ends. For a server that is just starting or ending there
    is as much patience as this.

    Raises:
        ConfigurationError: there is none, and none can be started; or the server that runs has its store elsewhere.
    """
    if settings.redis_url is not None:
        yield settings
        return
    async with AsyncExitStack() as stack:
        url = await _embedded(settings.home, stack, say, patience_s)
        yield replace(settings, redis_url=Secret(url))


async def _embedded(home: Path, stack: AsyncExitStack, say: Callable[[str], None], patience_s: float) -> str:
    clock = asyncio.get_running_loop().time
    give_up_at, is_told = clock() + patience_s, False
    while True:
        if (url := await running_valkey(home)) is not None:
            return url
        try:
            url = await stack.enter_async_context(embedded_valkey(home))
        except DataDirInUseError as error:
            if clock() > give_up_at:
                raise ConfigurationError(f"{error} Its store does not answer.") from error
        else:
            await _refuse_if_unused(home)
            return url
        if not is_told:
            say("waiting for a server of this data directory, which is starting or ending")
            is_told = True
        await asyncio.sleep(_PAUSE_S)


async def _refuse_if_unused(home: Path) -> None:
    """See that no server runs here, as it would have its store elsewhere, which we could start this one beside."""
    if (address := await running(home)) is not None:
        raise ConfigurationError(
            f"The server at {address.url} does not keep its store in {home}. Set REDIS_URL to what it was started with."
        )
