"""Server check at start: a Redis that cannot keep jobs is refused, before it has accepted one."""

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aether.adapters.redis.errors import find_fault
from aether.adapters.redis.server_check import ServerReport, read_report
from aether.bootstrap.storage import redis_client
from aether.errors import ConfigurationError
from aether.settings import Settings

log = structlog.get_logger()


async def check_server(settings: Settings) -> None:
    """Check the server at REDIS_URL.

    Raises:
        ConfigurationError: as `check_client`.
    """
    async with redis_client(settings) as client:
        await check_client(client, settings)


async def check_client(client: Redis, settings: Settings) -> None:
    """Check the server of this client, and warn of what may lose jobs.

    A server that does not answer passes, since it may start later. The first script checks its version, and the
    readiness all the rest.

    Raises:
        ConfigurationError: it is too old, may evict jobs, is a cluster although keys have no hash tag, or cannot do
            what AETHER_DURABLE wants.
    """
    try:
        report = await read_report(client)
    except (RedisError, OSError) as error:
        log.warning("redis.unreachable", reason=find_fault(error) or type(error).__name__)
        return
    if report is None:
        log.warning("redis.unchecked", reason="INFO is not allowed")
        return
    refuse(report, settings)
    if report.eviction is None:
        log.warning("redis.unchecked", reason="INFO does not tell the maxmemory-policy")
    elif report.refusal(allow_eviction=False, key_prefix=settings.key_prefix):
        log.warning("redis.evicts", policy=report.eviction)
    if settings.durable == "local" and report.fsync is None:
        log.warning("redis.unchecked", reason="CONFIG is not allowed, so appendfsync is not known; it should be always")
    if report.has_append_only_file is False:
        log.warning("redis.not_durable", reason="there is no append-only file: a restart may lose accepted jobs")
    log.info("redis.checked", server=report.name)


def refuse(report: ServerReport, settings: Settings) -> None:
    """Raise if this server cannot keep jobs.

    Raises:
        ConfigurationError: it is too old, may evict jobs, is a cluster although keys have no hash tag, or cannot do
            what AETHER_DURABLE wants.
    """
    if why := report.refusal(
        allow_eviction=settings.allow_eviction, durable=settings.durable, key_prefix=settings.key_prefix
    ):
        raise ConfigurationError(f"REDIS_URL: {why}.")
