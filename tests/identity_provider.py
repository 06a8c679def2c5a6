"""An identity provider: keys, the tokens that they sign, and a real HTTP server on loopback that publishes them."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import AllowedPrivateKeys

from tests.waiting import PATIENCE_S

ISSUER = "https://id.example.com/realms/acme"
AUDIENCE = "aether"

Members = dict[str, Any]  # of a JSON object, whatever they are
Sign = Callable[[bytes], bytes]

_CURVES: dict[str, type[SECP256R1 | SECP384R1 | SECP521R1]] = {
    "ES256": SECP256R1,
    "ES384": SECP384R1,
    "ES512": SECP521R1,
}


@cache
def private_key(algorithm: str, number: int) -> AllowedPrivateKeys:  # noqa: ARG001 - the cache tells numbers apart
    """Return a key for the algorithm, made once for all tests; another for each number."""
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    if algorithm in _CURVES:
        return generate_private_key(_CURVES[algorithm]())
    return generate_rsa_key(65_537, 2_048)


@dataclass(frozen=True)
class Signer:
    """One of the provider's keys."""

    algorithm: str = "ES256"
    kid: str | None = "first"
    number: int = 0

    @property
    def key(self) -> AllowedPrivateKeys:
        return private_key(self.algorithm, self.number)

    def jwk(self, **members: object) -> Members:
        """Return the key as it is published."""
        # PyJWT types the keys of its classes one by one.
        public: Members = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key(), as_dict=True)
        return public | ({"kid": self.kid} if self.kid else {}) | members

    def token(self, header: Mapping[str, object] | None = None, /, **claims: object) -> str:
        """Sign a token that is good but for these claims; those that are None are left out."""
        named = {"kid": self.kid} if self.kid else {}
        return jwt.encode(claims_with(**claims), self.key, self.algorithm, headers={**named, **(header or {})})


def claims_with(**claims: object) -> Members:
    """Return good claims but for these; those that are None are left out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": seconds_from_now(300)}
    return {name: value for name, value in (good | claims).items() if value is not None}


def forged(header: Mapping[str, object], sign: Sign = lambda _: b"", payload: bytes | None = None) -> str:
    """Make a token that no library would: with any header, and signed in any way."""
    content = json.dumps(claims_with()).encode() if payload is None else payload
    signed = b".".join(map(_base64url, (json.dumps(header).encode(), content)))
    return b".".join((signed, _base64url(sign(signed)))).decode()


def seconds_from_now(seconds: float) -> int:
    return int(time.time() + seconds)


def jwks(*keys: Members) -> bytes:
    return json.dumps({"keys": keys}).encode()


def _base64url(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


@dataclass
class Published:
    """What the server answers; while `gate` is closed it takes requests and does not answer."""

    keys: Sequence[Members] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()


class KeyServer:
    """Publishes keys, and counts how often it was asked for them."""

    def __init__(self, *keys: Members) -> None:
        self.published = Published(keys)
        self.fetches = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._take))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/certs"

    def _take(self) -> Published:
        self.fetches += 1
        self.published.gate.wait(PATIENCE_S)
        return self.published

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.published.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(take: Callable[[], Published]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published = take()
            body = jwks(*published.keys) if published.body is None else published.body
            self.send_response(published.status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in published.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # whoever asked has read enough

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
            pass

    return Handler
