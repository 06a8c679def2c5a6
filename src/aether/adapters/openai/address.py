"""Addresses of a model server: its endpoints, derived from the base URL that an operator has set."""

import re
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import msgspec

OPENAI_BASE_URL = "https://api.openai.com/v1"

# People copy the address of an endpoint as often as the base URL.
_ENDPOINT = re.compile(r"/(?:chat/completions|images/generations|(?<=/v1/)(?:completions|responses|models))$")
_VERSION = re.compile(r"/v\d\w*(?:/|$)")


class ModelAddress(msgspec.Struct, frozen=True):
    """The address of a model server.

    Attributes:
        origin: scheme, host and port, as in `http://localhost:11434`.
        path: the path of the base URL, without a slash at its end.
        query: the query of the base URL, such as `api-version=2025-01-01`; it is sent with each request.
        authorization: the Authorization header for a name and a password in the base URL; None without them.
    """

    origin: str
    path: str = ""
    query: str = ""
    authorization: str | None = None

    @classmethod
    def parse(cls, base_url: str | None) -> "ModelAddress":
        """Read a base URL, with or without a path, a slash at its end, or the path of an endpoint."""
        parts = urlsplit(base_url or OPENAI_BASE_URL)
        path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
        host = parts.netloc.rpartition("@")[2]
        return cls(f"{parts.scheme}://{host}", path, parts.query, _authorization(parts))

    def endpoint(self, path: str) -> str:
        """Return the URL of an endpoint, such as `chat/completions`."""
        return self._url(f"{self.path}/{path}")

    def below_origin(self, path: str) -> str:
        """Return the URL of a path that is not below the base URL, such as `props`."""
        return self._url(f"/{path}")

    def label(self, path: str = "") -> str:
        """Return the address for people: without the query, which may contain a key."""
        return f"{self.origin}{self.path}/{path}".rstrip("/")

    @property
    def has_version(self) -> bool:
        """Whether the path names a version of the API, such as `/v1`."""
        return _VERSION.search(self.path) is not None

    def _url(self, path: str) -> str:
        return urlunsplit(("", "", self.origin + path, self.query, ""))


def _authorization(parts: SplitResult) -> str | None:
    if parts.username is None and parts.password is None:
        return None
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(credentials.encode()).decode()}"
