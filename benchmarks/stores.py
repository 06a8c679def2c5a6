"""Valkey as Aether runs it on one machine: AOF, synced every second, on a unix socket."""

import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from arq.connections import ArqRedis
from redis.asyncio import BlockingConnectionPool

from aether.adapters.local.embedded_valkey import embedded_valkey, find_valkey
from aether.leased_queue import serializer


@asynccontextmanager
async def valkey() -> AsyncIterator[str]:
    """Run an empty one and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        async with embedded_valkey(Path(folder)) as url:
            yield url


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ArqRedis]:
    """Open a client for the benchmark's own use."""
    pool = BlockingConnectionPool.from_url(url, max_connections=16, timeout=None)
    client = ArqRedis(pool, job_serializer=serializer.encode, job_deserializer=serializer.decode)
    try:
        yield client
    finally:
        await client.aclose(close_connection_pool=True)


def valkey_version() -> str:
    """What the server calls itself."""
    words = subprocess.run([find_valkey(), "--version"], capture_output=True, text=True, check=True).stdout.split()
    return next((word.removeprefix("v=") for word in words if word.startswith("v=")), "unknown")
