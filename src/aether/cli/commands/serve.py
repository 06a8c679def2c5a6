"""Serve: runs the API, for `aether api`, or the whole service, for `aether serve`."""

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
from aether.bootstrap.api import api_services
from aether.bootstrap.authentication import requires_credentials
from aether.bootstrap.backing_services import backing_services, model_notes
from aether.bootstrap.identity_provider import token_verifier
from aether.bootstrap.server_check import check_server
from aether.bootstrap.storage import object_store, redis_url
from aether.cli.commands.workers import keep_workers, require_redis
from aether.cli.local.discovery import (
    ServerAddress,
    is_ok,
    local_http_client,
    publish_address,
    withdraw_address,
)
from aether.cli.local.server_settings import fingerprints, models_of
from aether.cli.local.signals import StopSignal, stop_on_signals
from aether.errors import StoreUnavailableError
from aether.identity.local_key import LocalKey
from aether.server.server import Server, bound_socket, check_exposure, local_url
from aether.settings import Settings

_POLL_S = 0.2


async def serve(settings: Settings) -> None:
    """Run the API, the workers, and a store and a model unless the settings name others, until a signal.

    Raises:
        ConfigurationError: the service cannot run as configured.
        SystemExit: with EX_TEMPFAIL if another server holds the data directory.
    """
    async with stop_on_signals() as stop:
        try:
            with bound_socket(settings) as listener:
                async with backing_services(settings) as complete:
                    await check_exposure(complete, listener)
                    await _serve_both(settings, complete, listener, stop)
        except DataDirInUseError as error:
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(os.EX_TEMPFAIL) from error


async def serve_api(settings: Settings) -> None:
    """Run the API alone, until a signal."""
    require_redis(settings)
    async with stop_on_signals() as stop:
        with bound_socket(settings) as listener:
            server = Server(_app(settings), settings)
            await check_server(settings)
            await check_exposure(settings, listener)
            structlog.get_logger().info("api.listening", url=local_url(listener))
            await _run_server(server, listener, stop)


async def _serve_both(given: Settings, settings: Settings, listener: socket.socket, stop: StopSignal) -> None:
    key = LocalKey()
    server = Server(_app(settings, key), settings)
    await check_server(settings)
    prints = fingerprints(given, key.secret)
    notes = model_notes(given, settings)
    address = ServerAddress(local_url(listener), os.getpid(), key.secret, models_of(settings), prints, notes)
    async with _running_workers(settings, stop), _announcing(address, settings):
        await _run_server(server, listener, stop)


def _app(settings: Settings, local_key: LocalKey | None = None) -> Api:
    # Wrong settings raise a ConfigurationError here, which becomes one line; when the API starts, a traceback.
    redis_url(settings)
    object_store(settings)
    token_verifier(settings)
    return create_app(settings, partial(api_services, settings, local_key))


async def _run_server(server: Server, listener: socket.socket, stop: StopSignal) -> None:
    """Serve until `stop` is requested, then let open requests end."""

    async def exit_on_stop() -> None:
        await stop.requested.wait()
        server.should_exit = True

    exiting = asyncio.create_task(exit_on_stop())
    try:
        await server.serve(sockets=[listener])
    finally:
        exiting.cancel()


@asynccontextmanager
async def _running_workers(settings: Settings, stop: StopSignal) -> AsyncIterator[None]:
    """Keep the workers running within the context; if they end by themselves, stop everything."""
    workers = asyncio.create_task(keep_workers(settings, stop))
    workers.add_done_callback(lambda _: stop.requested.set())
    try:
        yield
    finally:
        stop.requested.set()
        if stop.immediate:
            workers.cancel()
        await workers


@asynccontextmanager
async def _announcing(address: ServerAddress, settings: Settings) -> AsyncIterator[None]:
    """Once the service is ready, print its URL and publish its address until the context ends."""
    announcement = asyncio.create_task(_announce(address, settings))
    try:
        yield
    finally:
        announcement.cancel()
        with suppress(asyncio.CancelledError):
            await announcement
        withdraw_address(settings.home, address.pid)


async def _announce(address: ServerAddress, settings: Settings) -> None:
    async with local_http_client() as http:
        ready = False
        while not ready:
            await asyncio.sleep(_POLL_S)
            ready = await is_ok(http, f"{address.url}/health/ready")
    home = settings.home
    try:
        publish_address(home, address)
    except OSError as error:
        click.echo(
            f"`aether report` and its kin will not find this server by themselves: {home}: {error.strerror}.", err=True
        )
    for note in address.notes:
        click.echo(note[0].upper() + note[1:] + ".", err=True)
    click.echo(f"Aether is ready at {address.url}. Try:\n  {await _example_request(address.url, settings)}", err=True)


async def _example_request(url: str, settings: Settings) -> str:
    header = ""
    with suppress(StoreUnavailableError):
        header = """-H "Authorization: Bearer $KEY" """ if await requires_credentials(settings) else ""
    return f"""curl {url}/reports {header}-H 'Content-Type: application/json' -d '{{"topic": "The Roman Empire"}}'"""
