"""When the server may listen to more than its own machine."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from aether.errors import ConfigurationError
from aether.server.server import listening, refuse_strangers
from aether.settings import Secret, Settings

NOWHERE = Secret("unix:///nowhere/valkey.sock")


@pytest.fixture
def everywhere() -> Iterator[socket.socket]:
    with closing(socket.socket()) as door:
        door.bind(("0.0.0.0", 0))  # noqa: S104 - the case in question
        yield door


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_its_own_machine_needs_no_store_to_be_asked(host: str) -> None:
    settings = Settings(host=host, port=0)
    with listening(settings) as door:
        await refuse_strangers(settings, door)


async def test_everybody_is_let_in_where_that_is_wanted(everywhere: socket.socket) -> None:
    await refuse_strangers(Settings(allow_anonymous=True), everywhere)


async def test_with_an_identity_provider_all_others_are_asked_for_a_token(everywhere: socket.socket) -> None:
    settings = Settings(
        jwt_issuer="https://id.example.com", jwt_audience="aether", jwt_jwks="https://id.example.com/jwks"
    )
    await refuse_strangers(settings, everywhere)


async def test_half_an_identity_provider_is_none(everywhere: socket.socket) -> None:
    with pytest.raises(ConfigurationError, match="AETHER_JWT_AUDIENCE"):
        await refuse_strangers(Settings(jwt_issuer="https://id.example.com"), everywhere)


async def test_a_store_that_is_away_keeps_no_server_from_starting(everywhere: socket.socket) -> None:
    """Whoever calls it is refused until it is there."""
    await refuse_strangers(Settings(redis_url=NOWHERE), everywhere)
