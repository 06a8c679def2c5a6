"""A client of the reports API."""

from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx2
import msgspec

from aether.cli.wire import Accepted, Job, Problem
from aether.errors import AetherError, TransientError

Wanted = TypeVar("Wanted")

_decode_problem = msgspec.json.Decoder(Problem).decode
_TIMEOUT = httpx2.Timeout(15.0, connect=5.0)


class ServerAwayError(TransientError):
    """The server did not answer, or said that it cannot for now; `unclear` means it may have acted all the same."""

    def __init__(self, what: str, retry_after: float | None = None, *, unclear: bool = False) -> None:
        super().__init__(what, retry_after)
        self.unclear = unclear


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


class Reports:
    """The reports of one server. Every method raises ServerAwayError, RefusedError or StrangeAnswerError."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A proxy that serves the outside world knows nothing of this machine.
        self._http = httpx2.AsyncClient(base_url=self.url, timeout=_TIMEOUT, trust_env=not _on_this_machine(url))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, request: dict[str, Any]) -> str:  # Any: the values of a JSON object
        """Ask for a report and return its job id; sent once, as a second time might be a second report."""
        response = await self._send("POST", "/reports", content=msgspec.json.encode(request))
        return self._read(response, Accepted).job_id

    async def get(self, job_id: str, seen: Job | None = None) -> Job | None:
        """Return the job, or None if it stands as it was `seen`."""
        headers = {"If-None-Match": f'"{seen.version}"'} if seen else {}
        response = await self._send("GET", f"/reports/{job_id}", headers=headers)
        return None if response.status_code == httpx2.codes.NOT_MODIFIED else self._read(response, Job)

    async def cancel(self, job_id: str) -> Job:
        """Stop the job and return it; 409 says that it has completed or failed."""
        return self._read(await self._send("POST", f"/reports/{job_id}/cancel"), Job)

    async def _send(
        self, method: str, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        kind = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self._http.request(method, path, content=content or None, headers=kind | (headers or {}))
        except httpx2.TransportError as error:
            unclear = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise ServerAwayError(f"{self.url} does not answer ({_reason(error)})", unclear=unclear) from error
        if response.is_error:
            raise _declined(response)
        return response

    def _read(self, response: httpx2.Response, wanted: type[Wanted]) -> Wanted:
        try:
            return msgspec.json.decode(response.content, type=wanted)
        except msgspec.DecodeError as error:
            raise StrangeAnswerError(self.url) from error


def _declined(response: httpx2.Response) -> AetherError:
    try:
        problem = _decode_problem(response.content)
    except msgspec.DecodeError:
        problem = Problem(detail=f"{response.url} answered HTTP {response.status_code}.")
    refused = RefusedError(response.status_code, problem)
    if response.is_server_error or response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
        return ServerAwayError(str(refused).removesuffix("."), _seconds(response.headers.get("Retry-After", "")))
    return refused


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None


def _reason(error: httpx2.TransportError) -> str:
    return str(error) or type(error).__name__


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
