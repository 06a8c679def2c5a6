"""`aether serve` and `aether api`: the API, alone or with workers and all that they need."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import click
import structlog

from aether.adapters.local.embedded_valkey import DataDirInUseError
from aether.app import Api, create_app
from aether.bootstrap.access import asks_for_credentials
from aether.bootstrap.api import api_services
from aether.bootstrap.backing_services import backing_services
from aether.bootstrap.identity import token_verifier
from aether.bootstrap.storage import object_store, redis_url
from aether.cli.commands.workers import keep_workers, require_redis
from aether.cli.local.discovery import ServerAddress, asking, gets_200, publish, withdraw
from aether.cli.local.signals import StopSignal, stop_on_signals
from aether.errors import StoreUnavailableError
from aether.identity.local_key import LocalKey
from aether.server.server import Server, listening, refuse_strangers, url_of
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
                async with backing_services(settings) as complete:
                    await refuse_strangers(complete, door)
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
            await refuse_strangers(settings, door)
            structlog.get_logger().info("api.listening", url=url_of(door))
            await _answer(server, door, stop)


async def _serve_both(settings: Settings, door: socket.socket, stop: StopSignal) -> None:
    key = LocalKey()
    server = Server(_app(settings, key), settings)
    address = ServerAddress(url_of(door), os.getpid(), key.secret)
    async with _workers(settings, stop), _announced(address, settings):
        await _answer(server, door, stop)


def _app(settings: Settings, local_key: LocalKey | None = None) -> Api:
    # What cannot be used is told in a line here, and by a traceback when the API opens it.
    redis_url(settings)
    object_store(settings)
    token_verifier(settings)
    return create_app(settings, partial(api_services, settings, local_key))


async def _answer(server: Server, door: socket.socket, stop: StopSignal) -> None:
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
async def _workers(settings: Settings, stop: StopSignal) -> AsyncIterator[None]:
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
async def _announced(address: ServerAddress, settings: Settings) -> AsyncIterator[None]:
    """Tell people and files where the service is, once it is ready, for as long as the context lasts."""
    telling = asyncio.create_task(_announce(address, settings))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        withdraw(settings.home, address.pid)


async def _announce(address: ServerAddress, settings: Settings) -> None:
    async with asking() as http:
        ready = False
        while not ready:
            await asyncio.sleep(_READY_POLL_S)
            ready = await gets_200(http, f"{address.url}/health/ready")
    home = settings.home
    try:
        publish(home, address)
    except OSError as error:
        click.echo(
            f"`aether report` and its kin will not find this server by themselves: {home}: {error.strerror}.", err=True
        )
    click.echo(f"Aether is ready at {address.url}. Try:\n  {await _example(address.url, settings)}", err=True)


async def _example(url: str, settings: Settings) -> str:
    key = ""
    with suppress(StoreUnavailableError):
        key = """-H "Authorization: Bearer $KEY" """ if await asks_for_credentials(settings) else ""
    return f"""curl {url}/reports {key}-H 'Content-Type: application/json' -d '{{"topic": "The Roman Empire"}}'"""
