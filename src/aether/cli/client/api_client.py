"""A client of the API, for the jobs of one kind."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec
from msgspec.structs import replace

from aether.cli.client.credentials import Bearer, Credential
from aether.cli.client.schemas import Problem
from aether.cli.kinds.base import JobKind, StateT
from aether.errors import AetherError, TransientError

Wanted = TypeVar("Wanted")

_decode_problem = msgspec.json.Decoder(Problem).decode
_TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
_SHORTEST_WAIT_S = 0.1  # a server that says 0 would be asked without a pause
_STREAM_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)  # something is sent every 15 s at least


class ServerAwayError(TransientError):
    """The server did not answer, or said that it cannot for now; `unclear` means it may have acted all the same."""

    def __init__(self, what: str, retry_after: float | None = None, *, unclear: bool = False) -> None:
        super().__init__(what, retry_after)
        self.unclear = unclear


class LimitedError(ServerAwayError):
    """The server takes no more requests of ours for now, and says for how long."""

    def __init__(self, what: str, wait_s: float) -> None:
        super().__init__(what, wait_s)
        self.wait_s = wait_s


class RefusedError(AetherError):
    """The server declined the request, with its reasons."""

    def __init__(self, status: int, problem: Problem) -> None:
        told = problem.detail or problem.title or f"The server answered HTTP {status}."
        rules = [f"  {broken.field}: {broken.rule}" for broken in problem.errors if broken.rule not in told]
        super().__init__("\n".join([told, *rules]))
        self.status = status


class StrangeAnswerError(AetherError):
    """Whoever answered does not speak this API."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} does not answer like an Aether server.")


class JobSnapshot(NamedTuple, Generic[StateT]):
    """A job at one of its versions, and the ETag of that version."""

    state: StateT
    tag: str

    @property
    def version(self) -> str:
        """The version, which is also the id of the event that told of it."""
        return self.tag.removeprefix("W/").strip('"')


class File(NamedTuple):
    """What a job has made, and of which kind it is."""

    content: bytes
    media_type: str


async def _wait(limit: LimitedError) -> None:
    await asyncio.sleep(limit.wait_s)


class ApiClient(Generic[StateT]):
    """The jobs of one kind on one server. Every method raises ServerAwayError, RefusedError or StrangeAnswerError.

    What the server limits is asked again as soon as `heed` returns, which has to wait for as long as the error says;
    events are not, and raise LimitedError.
    """

    def __init__(
        self,
        url: str,
        kind: JobKind[StateT],
        heed: Callable[[LimitedError], Awaitable[None]] = _wait,
        credential: Credential | None = None,
    ) -> None:
        self._url = url
        self._kind = kind
        self._heed = heed
        self._credential = credential
        self._http = httpx2.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT,
            auth=credential and Bearer(url, credential.key),
            # A proxy that serves the outside world knows nothing of this machine.
            trust_env=not _on_this_machine(url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, request: dict[str, Any], key: str) -> str:  # Any: the values of a JSON object
        """Ask for a job and return its id; asking again under the same key makes no second job."""
        headers = {"Idempotency-Key": f'"{key}"'}
        response = await self._send("POST", self._kind.path, content=msgspec.json.encode(request), headers=headers)
        return self._read(response, self._kind.accepted).id

    async def get(self, job_id: str, seen: JobSnapshot[StateT] | None = None) -> JobSnapshot[StateT]:
        """Return the job; `seen` itself if it stands as it was seen."""
        headers = {"If-None-Match": seen.tag} if seen else {}
        response = await self._send("GET", f"{self._kind.path}/{job_id}", headers=headers)
        if seen and response.status_code == httpx2.codes.NOT_MODIFIED:
            return seen
        return JobSnapshot(self._read(response, self._kind.state), response.headers.get("ETag", ""))

    async def events(self, job_id: str, after: str) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Iterate over what is told of the job behind the event with that id, until the server ends it.

        RefusedError and StrangeAnswerError mean that it tells nothing, ServerAwayError that it may tell more later.
        """
        path, headers = f"{self._kind.path}/{job_id}/events", {b"Last-Event-ID": after.encode()}
        try:
            async with self._http.sse(path, headers=headers, timeout=_STREAM_TIMEOUT) as stream:
                await self._check_stream(stream.response)
                async for event in stream:
                    yield event
        except httpx2.RequestError as error:
            raise ServerAwayError(f"{self._url} does not answer ({_reason(error)})") from error

    async def cancel(self, job_id: str) -> StateT:
        """Stop the job and return it; 409 says that it has completed or failed."""
        return self._read(await self._send("POST", f"{self._kind.path}/{job_id}/cancel"), self._kind.state)

    async def file(self, url: str) -> File:
        """Return what stands at the URL; what the server itself serves is asked of where we know the server to be.

        It may call itself something else: behind a proxy, or before it was started again on another port.
        """
        _, ours, rest = url.partition(f"{self._kind.path}/")
        response = await self._send("GET", f"{ours}{rest}" if ours else urljoin(self._url, url))
        return File(response.content, response.headers.get("Content-Type", "").partition(";")[0].strip().lower())

    async def _send(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        while True:
            try:
                return await self._send_once(method, path, content, headers or {})
            except LimitedError as limit:
                await self._heed(limit)

    async def _send_once(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        kind = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self._http.request(method, path, content=content or None, headers=kind | headers)
        except httpx2.TransportError as error:
            unclear = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise ServerAwayError(f"{self._url} does not answer ({_reason(error)})", unclear=unclear) from error
        if response.is_error:
            raise self._declined(response)
        return response

    async def _check_stream(self, response: httpx2.Response) -> None:
        if response.is_error:
            await response.aread()
            raise self._declined(response)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise StrangeAnswerError(self._url)

    def _read(self, response: httpx2.Response, wanted: type[Wanted]) -> Wanted:
        try:
            return msgspec.json.decode(response.content, type=wanted)
        except msgspec.DecodeError as error:
            raise StrangeAnswerError(self._url) from error

    def _declined(self, response: httpx2.Response) -> AetherError:
        status, problem = response.status_code, _problem(response)
        if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            if self._credential is not None and not self._credential.given:
                # Another process answers there by now, and lends another key.
                return ServerAwayError(f"{self._url} does not take its own key")
            problem = replace(problem, detail=f"{self._shut_out(status)}\n  {problem.detail or problem.title}")
        refused = RefusedError(status, problem)
        return _away(response, str(refused).removesuffix(".")) if _may_pass(status) else refused

    def _shut_out(self, status: int) -> str:
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


def _away(response: httpx2.Response, what: str) -> ServerAwayError:
    seconds = _seconds(response.headers.get("Retry-After", ""))
    if seconds is None or response.status_code != httpx2.codes.TOO_MANY_REQUESTS:
        return ServerAwayError(what, seconds)
    return LimitedError(what, max(seconds, _SHORTEST_WAIT_S))


def _may_pass(status: int) -> bool:
    if status == httpx2.codes.NOT_IMPLEMENTED:
        return False
    return status == httpx2.codes.TOO_MANY_REQUESTS or httpx2.codes.is_server_error(status)


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None


def _reason(error: httpx2.RequestError) -> str:
    return str(error) or type(error).__name__


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
