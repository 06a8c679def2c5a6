"""The least that a Litestar handler with one round trip to Redis can be; run by `benchmarks.api`.

Takes the URL of the server, and `--port`. It answers with what stands at the key `bare`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from litestar import Litestar, Response, get
from litestar.datastructures import State
from redis.asyncio import Redis

from aether.bootstrap.storage import redis_client
from aether.settings import Secret, Settings

KEY = "bare"


@get("/{name:str}")
async def read(name: str, state: State) -> Response[bytes]:
    """Answer with what Redis has."""
    client: Redis = state.client
    return Response(await client.get(name), media_type="application/json")


def serve(url: str, port: int) -> None:
    """Serve until the process is ended, on what Aether is served by."""

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncIterator[None]:
        async with redis_client(Settings(redis_url=Secret(url))) as client:
            app.state.client = client
            yield

    app = Litestar([read], lifespan=[connected], openapi_config=None, logging_config=None)
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", ws="none", log_config=None, access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[3]))
