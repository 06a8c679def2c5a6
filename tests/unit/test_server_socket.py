import socket

import pytest

from aether.errors import ConfigurationError
from aether.server.server import listening, url_of
from aether.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_may_always_connect(host: str) -> None:
    with listening(Settings(host=host, port=0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2], 5):
            pass


def test_whoever_listens_everywhere_is_reached_by_this_machine_at_its_own_address() -> None:
    with listening(Settings(host="0.0.0.0", port=0)) as listener:  # noqa: S104 - what this is about
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_unknown_host_is_a_configuration_error() -> None:
    refused = pytest.raises(ConfigurationError, match=r"Cannot listen on 256\.0\.0\.1")
    with refused, listening(Settings(host="256.0.0.1")):
        pass


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1, port {port}")
        with refused, listening(Settings(port=port)):
            pass
