"""Credentials: the key for a server, where it comes from, and to whom it is sent."""

import re
from collections.abc import Generator, Mapping
from typing import NamedTuple

import httpx2
from typing_extensions import override

from aether.errors import ConfigurationError
from aether.settings import Secret, Settings

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1


class Credential(NamedTuple):
    """A key: the user's own, or one that a local server lends for as long as its process lives."""

    key: Secret
    is_lent: bool = False


class ServerEndpoint(NamedTuple):
    """A server's URL, and the key for it if there is one.

    `models` are its models by the variables that choose them, if they are known. `notes` tell which settings of this
    command it does not use.
    """

    url: str
    credential: Credential | None = None
    models: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()


class BearerAuth(httpx2.Auth):
    """Sends the key to its server only, and not to other servers that a response names or redirects to."""

    def __init__(self, server: str, key: Secret) -> None:
        self._origin = _origin(httpx2.URL(server))
        self._key = key

    @override
    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        if _origin(request.url) == self._origin:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def configured_credential(settings: Settings) -> Credential | None:
    """Return the user's key, if one is set.

    Raises:
        ConfigurationError: the setting cannot be a key.
    """
    if settings.api_key is None:
        return None
    if not _TOKEN.fullmatch(settings.api_key.reveal()):
        raise ConfigurationError("AETHER_API_KEY: Expected a key alone, without spaces or line breaks.")
    return Credential(settings.api_key)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
