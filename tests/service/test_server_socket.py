"""Exposure check: on which conditions the server listens on more than a loopback address."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from aether.errors import ConfigurationError
from aether.server.server import bound_socket, check_exposure
from aether.settings import Secret, Settings

UNREACHABLE = Secret("unix:///nowhere/valkey.sock")


@pytest.fixture
def public_socket() -> Iterator[socket.socket]:
    with closing(socket.socket()) as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104 - the case in question
        yield listener


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_a_loopback_address_needs_no_credentials(host: str) -> None:
    settings = Settings(host=host, port=0)
    with bound_socket(settings) as listener:
        await check_exposure(settings, listener)


async def test_anonymous_callers_may_be_allowed_on_any_address(public_socket: socket.socket) -> None:
    await check_exposure(Settings(allow_anonymous=True), public_socket)


async def test_an_identity_provider_is_enough_on_any_address(public_socket: socket.socket) -> None:
    settings = Settings(
        jwt_issuer="https://id.example.com", jwt_audience="aether", jwt_jwks="https://id.example.com/jwks"
    )
    await check_exposure(settings, public_socket)


async def test_an_incomplete_identity_provider_is_an_error(public_socket: socket.socket) -> None:
    with pytest.raises(ConfigurationError, match="AETHER_JWT_AUDIENCE"):
        await check_exposure(Settings(jwt_issuer="https://id.example.com"), public_socket)


async def test_a_server_starts_while_the_store_is_unavailable(public_socket: socket.socket) -> None:
    """Callers are rejected until it is available."""
    await check_exposure(Settings(redis_url=UNREACHABLE), public_socket)
