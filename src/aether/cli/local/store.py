"""Local store: opens the store of a service for a short command, whether the service runs or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from aether.adapters.local.embedded_valkey import DataDirInUseError, embedded_valkey, running_valkey
from aether.cli.local.discovery import find_server
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

_RETRY_PAUSE_S = 0.1
_TIMEOUT_S = 20.0


@asynccontextmanager
async def open_store(
    settings: Settings, show_message: Callable[[str], None], timeout_s: float = _TIMEOUT_S
) -> AsyncIterator[Settings]:
    """Yield settings that have the URL of the store.

    Without `REDIS_URL` it is the store of the data directory: the one of the server that runs there, or else one that
    is started here; it has saved everything when the context ends. A server that is starting or stopping is waited for,
    up to `timeout_s`.

    Raises:
        ConfigurationError: there is no store and none can be started, or the running server uses another store.
    """
    if settings.redis_url is not None:
        yield settings
        return
    async with AsyncExitStack() as stack:
        url = await _open_embedded(settings.home, stack, show_message, timeout_s)
        yield replace(settings, redis_url=Secret(url))


async def _open_embedded(
    data_dir: Path, stack: AsyncExitStack, show_message: Callable[[str], None], timeout_s: float
) -> str:
    clock = asyncio.get_running_loop().time
    deadline, is_message_shown = clock() + timeout_s, False
    while True:
        if (url := await running_valkey(data_dir)) is not None:
            return url
        try:
            url = await stack.enter_async_context(embedded_valkey(data_dir))
        except DataDirInUseError as error:
            if clock() > deadline:
                raise ConfigurationError(f"{error} Its store does not answer.") from error
        else:
            await _check_no_server(data_dir)
            return url
        if not is_message_shown:
            show_message("waiting for a server of this data directory, which is starting or ending")
            is_message_shown = True
        await asyncio.sleep(_RETRY_PAUSE_S)


async def _check_no_server(data_dir: Path) -> None:
    """Raise if a server runs here: as the embedded store was free, the server uses another one."""
    if (address := await find_server(data_dir)) is not None:
        raise ConfigurationError(
            f"The server at {address.url} does not keep its store in {data_dir}. "
            "Set REDIS_URL to what it was started with."
        )
