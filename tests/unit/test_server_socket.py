import socket

import pytest

from aether.errors import ConfigurationError
from aether.server.server import bound_socket, local_url
from aether.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can_connect(host: str) -> None:
    with bound_socket(Settings(host=host, port=0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2], 5):
            pass


def test_the_local_url_of_a_wildcard_address_is_a_loopback_address() -> None:
    with bound_socket(Settings(host="0.0.0.0", port=0)) as listener:  # noqa: S104 - what this is about
        assert local_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_unknown_host_is_a_configuration_error() -> None:
    refused = pytest.raises(ConfigurationError, match=r"Cannot listen on 256\.0\.0\.1")
    with refused, bound_socket(Settings(host="256.0.0.1")):
        pass


def test_a_port_in_use_is_a_configuration_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1, port {port}")
        with refused, bound_socket(Settings(port=port)):
            pass
