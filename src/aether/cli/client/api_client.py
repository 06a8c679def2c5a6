"""API client: the requests for jobs of one kind, and what their responses mean."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec
from msgspec.structs import replace

from aether.cli.client.credentials import BearerAuth, Credential
from aether.cli.client.errors import (
    NoExportError,
    RefusedError,
    ServerUnavailableError,
    TooManyRequestsError,
    UnexpectedResponseError,
)
from aether.cli.client.job_kind import JobKind
from aether.cli.client.schemas import Problem
from aether.cli.output.delivery import File
from aether.cli.output.job_state import StateT
from aether.errors import AetherError
from aether.outbound.addresses import is_loopback
from aether.outbound.cookies import no_cookies

BodyT = TypeVar("BodyT")

_decode_problem = msgspec.json.Decoder(Problem).decode
_NO_JOB = "00000000-0000-4000-8000-000000000000"
_TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
_MIN_WAIT_S = 0.1  # a server that says 0 would be asked without a pause
_STREAM_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)  # the server sends something every 15 s at least


class JobSnapshot(NamedTuple, Generic[StateT]):
    """A job at one of its versions, and the ETag of that version."""

    state: StateT
    etag: str

    @property
    def version(self) -> str:
        """The version, which is also the id of the event for it."""
        return self.etag.removeprefix("W/").strip('"')


async def _sleep_out(limit: TooManyRequestsError) -> None:
    await asyncio.sleep(limit.wait_s)


class ApiClient(Generic[StateT]):
    """A client for the jobs of one kind on one server.

    Every method raises ServerUnavailableError, RefusedError or UnexpectedResponseError. After a response 429, methods
    call `wait_for_limit`, which has to wait as long as the error says, and send the request again; `events` raises
    TooManyRequestsError instead.
    """

    def __init__(
        self,
        url: str,
        kind: JobKind[StateT],
        wait_for_limit: Callable[[TooManyRequestsError], Awaitable[None]] = _sleep_out,
        credential: Credential | None = None,
    ) -> None:
        self._url = url
        self._kind = kind
        self._wait_for_limit = wait_for_limit
        self._credential = credential
        self._http = httpx2.AsyncClient(
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
        await self._http.aclose()

    async def submit(self, request: dict[str, Any], idempotency_key: str) -> str:  # Any: the values of a JSON object
        """Create a job and return its id; a second request with the same key creates no second job."""
        headers = {"Idempotency-Key": f'"{idempotency_key}"'}
        response = await self._send("POST", self._kind.path, content=msgspec.json.encode(request), headers=headers)
        match self._decode(response, dict[str, Any]).get(self._kind.id_field):
            case str(job_id):
                return job_id
            case _:
                raise UnexpectedResponseError(self._url)

    async def get(self, job_id: str, known: JobSnapshot[StateT] | None = None) -> JobSnapshot[StateT]:
        """Return the job; `known` itself if that is still the current version."""
        headers = {"If-None-Match": known.etag} if known else {}
        response = await self._send("GET", f"{self._kind.path}/{job_id}", headers=headers)
        if known and response.status_code == httpx2.codes.NOT_MODIFIED:
            return known
        return JobSnapshot(self._decode(response, self._kind.state), response.headers.get("ETag", ""))

    async def events(self, job_id: str, after: str) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the job's events after the one with the id `after`, until the server ends the stream.

        RefusedError and UnexpectedResponseError mean that the server has no such stream; after ServerUnavailableError
        another attempt may succeed.
        """
        path, headers = f"{self._kind.path}/{job_id}/events", {b"Last-Event-ID": after.encode()}
        try:
            async with self._http.sse(path, headers=headers, timeout=_STREAM_TIMEOUT) as stream:
                await self._check_stream(stream.response)
                async for event in stream:
                    yield event
        except httpx2.RequestError as error:
            raise ServerUnavailableError(f"{self._url} does not answer ({_reason(error)})") from error

    async def cancel(self, job_id: str) -> StateT:
        """Cancel the job and return it; RefusedError with status 409 means that it had completed or failed before."""
        return self._decode(await self._send("POST", f"{self._kind.path}/{job_id}/cancel"), self._kind.state)

    async def check_export(self, format_name: str) -> None:
        """Check that the server knows this format, and has what it needs; RefusedError says what is missing."""
        try:
            await self._send("GET", f"{self._kind.path}/{_NO_JOB}/export/{format_name}")
        except RefusedError as error:
            if error.type == "not-found":
                raise NoExportError(self._url) from error
            if error.status != httpx2.codes.NOT_FOUND:
                raise

    async def file(self, url: str) -> File:
        """Download a file that the job has made.

        A file of the server itself is asked for at the URL that we know: the server may use another in its responses,
        because it is behind a proxy, or was restarted on another port.
        """
        _, collection, rest = url.partition(f"{self._kind.path}/")
        response = await self._send("GET", f"{collection}{rest}" if collection else urljoin(self._url, url))
        return File(response.content, response.headers.get("Content-Type", "").partition(";")[0].strip().lower())

    async def _send(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        while True:
            try:
                return await self._send_once(method, path, content, headers or {})
            except TooManyRequestsError as limit:
                await self._wait_for_limit(limit)

    async def _send_once(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        content_type = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self._http.request(method, path, content=content or None, headers=content_type | headers)
        except httpx2.TransportError as error:
            unclear = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise ServerUnavailableError(f"{self._url} does not answer ({_reason(error)})", unclear=unclear) from error
        if response.is_error:
            raise self._error(response)
        return response

    async def _check_stream(self, response: httpx2.Response) -> None:
        if response.is_error:
            await response.aread()
            raise self._error(response)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise UnexpectedResponseError(self._url)

    def _decode(self, response: httpx2.Response, body_type: type[BodyT]) -> BodyT:
        try:
            return msgspec.json.decode(response.content, type=body_type)
        except msgspec.DecodeError as error:
            raise UnexpectedResponseError(self._url) from error

    def _error(self, response: httpx2.Response) -> AetherError:
        status, problem = response.status_code, _problem(response)
        if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            if self._credential is not None and self._credential.is_lent:
                # The server was restarted, and the new process lends another key.
                return ServerUnavailableError(f"{self._url} does not take its own key")
            problem = replace(problem, detail=f"{self._key_advice(status)}\n  {problem.detail or problem.title}")
        refused = RefusedError(status, problem)
        return _unavailable(response, str(refused).removesuffix(".")) if _is_temporary(status) else refused

    def _key_advice(self, status: int) -> str:
        if self._credential is None:
            return f"{self._url} asks who calls. Set AETHER_API_KEY to a key for it."
        if status == httpx2.codes.UNAUTHORIZED:
            return f"{self._url} does not take the key in AETHER_API_KEY."
        return f"{self._url} does not let the key in AETHER_API_KEY do this."


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


def _reason(error: httpx2.RequestError) -> str:
    return str(error) or type(error).__name__


def _is_on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return is_loopback(host)
    except ValueError:
        return host == "localhost"
