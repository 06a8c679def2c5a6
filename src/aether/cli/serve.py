"""`aether serve` and `aether api`: the API, alone or with workers and all that they need."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import click
import structlog

from aether.adapters.embedded_valkey import DataDirInUseError
from aether.app import Api, create_app
from aether.bootstrap.api import api_services
from aether.bootstrap.backing import backing
from aether.bootstrap.storage import object_store, redis_url
from aether.cli.address import Address, asking, gets_200, publish, withdraw
from aether.cli.listening import Server, listening, url_of
from aether.cli.stopping import Stop, stop_on_signals
from aether.cli.workers import keep_workers, require_redis
from aether.settings import Settings

_READY_POLL_S = 0.2


async def serve(settings: Settings) -> None:
    """Run the API, the workers, and what the settings leave to us, until a signal.

    Raises:
        ConfigurationError: it cannot run as configured.
        SystemExit: with EX_TEMPFAIL if another server holds the data directory.
    """
    async with stop_on_signals() as stop:
        try:
            with listening(settings) as door:
                async with backing(settings) as complete:
                    await _serve_both(complete, door, stop)
        except DataDirInUseError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(os.EX_TEMPFAIL) from error


async def serve_api(settings: Settings) -> None:
    """Run the API alone, until a signal."""
    require_redis(settings)
    async with stop_on_signals() as stop:
        with listening(settings) as door:
            server = Server(_app(settings), settings)
            structlog.get_logger().info("api.listening", url=url_of(door))
            await _answer(server, door, stop)


async def _serve_both(settings: Settings, door: socket.socket, stop: Stop) -> None:
    server = Server(_app(settings), settings)
    async with _workers(settings, stop), _announced(url_of(door), settings.home):
        await _answer(server, door, stop)


def _app(settings: Settings) -> Api:
    # What cannot be used is told in a line here, and by a traceback when the API opens it.
    redis_url(settings)
    object_store(settings)
    return create_app(settings, partial(api_services, settings))


async def _answer(server: Server, door: socket.socket, stop: Stop) -> None:
    """Serve until asked to stop, then let open requests end."""

    async def end() -> None:
        await stop.asked.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve(sockets=[door])
    finally:
        ending.cancel()


@asynccontextmanager
async def _workers(settings: Settings, stop: Stop) -> AsyncIterator[None]:
    """Keep the workers running for as long as the context lasts; should they end by themselves, everything stops."""
    keeping = asyncio.create_task(keep_workers(settings, stop))
    keeping.add_done_callback(lambda _: stop.asked.set())
    try:
        yield
    finally:
        stop.asked.set()
        if stop.at_once:
            keeping.cancel()
        await keeping


@asynccontextmanager
async def _announced(url: str, home: Path) -> AsyncIterator[None]:
    """Tell people and files where the service is, once it is ready, for as long as the context lasts."""
    telling = asyncio.create_task(_announce(url, home))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        withdraw(home, os.getpid())


async def _announce(url: str, home: Path) -> None:
    async with asking() as http:
        ready = False
        while not ready:
            await asyncio.sleep(_READY_POLL_S)
            ready = await gets_200(http, f"{url}/health/ready")
    try:
        publish(home, Address(url, os.getpid()))
    except OSError as error:
        click.echo(
            f"`aether report` and its kin will not find this server by themselves: {home}: {error.strerror}.", err=True
        )
    example = f"""curl {url}/reports -H 'Content-Type: application/json' -d '{{"topic": "The Roman Empire"}}'"""
    click.echo(f"Aether is ready at {url}. Try:\n  {example}", err=True)
