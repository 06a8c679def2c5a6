"""HTTP client of the command line: requests to one server, and what its errors mean."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec
from msgspec.structs import replace

from aether.cli.client.credentials import BearerAuth, Credential
from aether.cli.client.errors import (
    RefusedError,
    ServerUnavailableError,
    TooManyRequestsError,
    UnexpectedResponseError,
)
from aether.cli.client.schemas import Problem
from aether.errors import AetherError
from aether.outbound.addresses import is_loopback
from aether.outbound.cookies import no_cookies

BodyT = TypeVar("BodyT")

_decode_problem = msgspec.json.Decoder(Problem).decode
_TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
_MIN_WAIT_S = 0.1  # a server that says 0 would be asked without a pause


async def sleep_out(limit: TooManyRequestsError) -> None:
    """Wait as long as the error says."""
    await asyncio.sleep(limit.wait_s)


class HttpClient:
    """A client of one server.

    Every method raises ServerUnavailableError, RefusedError or UnexpectedResponseError. After a response 429, `send`
    calls `wait_for_limit`, which has to wait as long as the error says, and sends the request again.
    """

    def __init__(
        self,
        url: str,
        wait_for_limit: Callable[[TooManyRequestsError], Awaitable[None]] = sleep_out,
        credential: Credential | None = None,
    ) -> None:
        self.url = url
        self._wait_for_limit = wait_for_limit
        self._credential = credential
        self.http = httpx2.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT,
            cookies=no_cookies(),
            auth=credential and BearerAuth(url, credential.key),
            # A proxy for the outside world cannot reach this machine.
            trust_env=not _is_on_this_machine(url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def send(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """Send a request and return the response, which is no error."""
        while True:
            try:
                return await self._send_once(method, path, content, headers or {})
            except TooManyRequestsError as limit:
                await self._wait_for_limit(limit)

    async def _send_once(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        content_type = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self.http.request(method, path, content=content or None, headers=content_type | headers)
        except httpx2.TransportError as error:
            unclear = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise ServerUnavailableError(f"{self.url} does not answer ({reason_of(error)})", unclear=unclear) from error
        if response.is_error:
            raise self.error_of(response)
        return response

    def decode(self, response: httpx2.Response, body_type: type[BodyT]) -> BodyT:
        """Decode the body of a response."""
        try:
            return msgspec.json.decode(response.content, type=body_type)
        except msgspec.DecodeError as error:
            raise UnexpectedResponseError(self.url) from error

    def error_of(self, response: httpx2.Response) -> AetherError:
        """Return what an error response means."""
        status, problem = response.status_code, _problem(response)
        if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            if self._credential is not None and self._credential.is_lent:
                # The server was restarted, and the new process lends another key.
                return ServerUnavailableError(f"{self.url} does not take its own key")
            problem = replace(problem, detail=f"{self._key_advice(status)}\n  {problem.detail or problem.title}")
        refused = RefusedError(status, problem)
        return _unavailable(response, str(refused).removesuffix(".")) if _is_temporary(status) else refused

    def _key_advice(self, status: int) -> str:
        if self._credential is None:
            return f"{self.url} asks who calls. Set AETHER_API_KEY to a key for it."
        if status == httpx2.codes.UNAUTHORIZED:
            return f"{self.url} does not take the key in AETHER_API_KEY."
        return f"{self.url} does not let the key in AETHER_API_KEY do this."


def _problem(response: httpx2.Response) -> Problem:
    try:
        return _decode_problem(response.content)
    except msgspec.DecodeError:
        return Problem(detail=f"{response.url} answered HTTP {response.status_code}.")


def _unavailable(response: httpx2.Response, message: str) -> ServerUnavailableError:
    seconds = _seconds(response.headers.get("Retry-After", ""))
    if seconds is None or response.status_code != httpx2.codes.TOO_MANY_REQUESTS:
        return ServerUnavailableError(message, seconds)
    return TooManyRequestsError(message, max(seconds, _MIN_WAIT_S))


def _is_temporary(status: int) -> bool:
    if status == httpx2.codes.NOT_IMPLEMENTED:
        return False
    return status == httpx2.codes.TOO_MANY_REQUESTS or httpx2.codes.is_server_error(status)


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None


def reason_of(error: httpx2.RequestError) -> str:
    """Return why a request failed without a response."""
    return str(error) or type(error).__name__


def _is_on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return is_loopback(host)
    except ValueError:
        return host == "localhost"
