"""Dialects: what the workers and `aether model` have learned about a server's models, shared through Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog
from redis.asyncio import Redis

from aether.adapters.openai.address import ModelAddress
from aether.adapters.openai.dialect import Dialect
from aether.adapters.openai.dialect_memory import DialectMemory
from aether.adapters.redis.model_dialects import RedisModelDialects
from aether.errors import StoreUnavailableError
from aether.settings import Settings

_DEFAULT = Dialect()

log = structlog.get_logger()


@asynccontextmanager
async def shared_dialects(client: Redis, settings: Settings) -> AsyncIterator[DialectMemory]:
    """Yield the memory of a process, with what others have learned before; what it learns is stored for others.

    The store is no condition: without it, each process learns by itself.
    """
    store, saving = _store(client, settings), set[asyncio.Task[None]]()

    def save(model: str, dialect: Dialect) -> None:
        task = asyncio.create_task(_try_to_save(store, model, dialect))
        saving.add(task)
        task.add_done_callback(saving.discard)

    yield DialectMemory(await _load(store), save)
    if saving:
        await asyncio.wait(saving)


async def remember_dialect(client: Redis, settings: Settings, model: str, dialect: Dialect) -> None:
    """Store what was found out about a model, for the workers that start from now on.

    Raises:
        StoreUnavailableError: Redis does not answer.
    """
    await _save(_store(client, settings), model, dialect)


def _store(client: Redis, settings: Settings) -> RedisModelDialects:
    return RedisModelDialects(client, ModelAddress.parse(settings.openai_base_url).label())


async def _load(store: RedisModelDialects) -> dict[str, Dialect]:
    dialects: dict[str, Dialect] = {}
    with suppress(StoreUnavailableError):
        for model, text in (await store.load()).items():
            with suppress(msgspec.DecodeError):  # of a newer version
                dialects[model] = msgspec.json.decode(text, type=Dialect)
    return dialects


async def _save(store: RedisModelDialects, model: str, dialect: Dialect) -> None:
    await store.save(model, None if dialect == _DEFAULT else msgspec.json.encode(dialect))


async def _try_to_save(store: RedisModelDialects, model: str, dialect: Dialect) -> None:
    try:
        await _save(store, model, dialect)
    except StoreUnavailableError as error:
        log.warning("model.dialect_not_saved", reason=error.what)
