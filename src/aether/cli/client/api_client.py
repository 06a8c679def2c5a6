"""API client: the requests for jobs of one kind, and what their responses mean."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, NamedTuple
from urllib.parse import urljoin

import httpx2
import msgspec

from aether.cli.client.credentials import Credential
from aether.cli.client.errors import (
    NoExportError,
    RefusedError,
    ServerUnavailableError,
    TooManyRequestsError,
    UnexpectedResponseError,
)
from aether.cli.client.http_client import HttpClient, reason_of, sleep_out
from aether.cli.client.job_kind import JobKind
from aether.cli.output.delivery import File
from aether.cli.output.job_state import StateT

_NO_JOB = "00000000-0000-4000-8000-000000000000"
_STREAM_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)  # the server sends something every 15 s at least


class JobSnapshot(NamedTuple, Generic[StateT]):
    """A job at one of its versions, and the ETag of that version."""

    state: StateT
    etag: str

    @property
    def version(self) -> str:
        """The version, which is also the id of the event for it."""
        return self.etag.removeprefix("W/").strip('"')


class ApiClient(HttpClient, Generic[StateT]):
    """A client for the jobs of one kind on one server.

    Its methods raise what those of `HttpClient` do; `events` does not wait after a response 429, but raises
    TooManyRequestsError.
    """

    def __init__(
        self,
        url: str,
        kind: JobKind[StateT],
        wait_for_limit: Callable[[TooManyRequestsError], Awaitable[None]] = sleep_out,
        credential: Credential | None = None,
    ) -> None:
        super().__init__(url, wait_for_limit, credential)
        self._kind = kind

    async def submit(self, request: dict[str, Any], idempotency_key: str) -> str:  # Any: the values of a JSON object
        """Create a job and return its id; a second request with the same key creates no second job."""
        headers = {"Idempotency-Key": f'"{idempotency_key}"'}
        response = await self.send("POST", self._kind.path, content=msgspec.json.encode(request), headers=headers)
        match self.decode(response, dict[str, Any]).get(self._kind.id_field):
            case str(job_id):
                return job_id
            case _:
                raise UnexpectedResponseError(self.url)

    async def get(self, job_id: str, known: JobSnapshot[StateT] | None = None) -> JobSnapshot[StateT]:
        """Return the job; `known` itself if that is still the current version."""
        headers = {"If-None-Match": known.etag} if known else {}
        response = await self.send("GET", f"{self._kind.path}/{job_id}", headers=headers)
        if known and response.status_code == httpx2.codes.NOT_MODIFIED:
            return known
        return JobSnapshot(self.decode(response, self._kind.state), response.headers.get("ETag", ""))

    async def events(self, job_id: str, after: str) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """Yield the job's events after the one with the id `after`, until the server ends the stream.

        RefusedError and UnexpectedResponseError mean that the server has no such stream; after ServerUnavailableError
        another attempt may succeed.
        """
        path, headers = f"{self._kind.path}/{job_id}/events", {b"Last-Event-ID": after.encode()}
        try:
            async with self.http.sse(path, headers=headers, timeout=_STREAM_TIMEOUT) as stream:
                await self._check_stream(stream.response)
                async for event in stream:
                    yield event
        except httpx2.RequestError as error:
            raise ServerUnavailableError(f"{self.url} does not answer ({reason_of(error)})") from error

    async def cancel(self, job_id: str) -> StateT:
        """Cancel the job and return it; RefusedError with status 409 means that it had completed or failed before."""
        return self.decode(await self.send("POST", f"{self._kind.path}/{job_id}/cancel"), self._kind.state)

    async def check_export(self, format_name: str) -> None:
        """Check that the server knows this format, and has what it needs; RefusedError says what is missing."""
        try:
            await self.send("GET", f"{self._kind.path}/{_NO_JOB}/export/{format_name}")
        except RefusedError as error:
            if error.type == "not-found":
                raise NoExportError(self.url) from error
            if error.status != httpx2.codes.NOT_FOUND:
                raise

    async def file(self, url: str) -> File:
        """Download a file that the job has made.

        A file of the server itself is asked for at the URL that we know: the server may use another in its responses,
        because it is behind a proxy, or was restarted on another port.
        """
        _, collection, rest = url.partition(f"{self._kind.path}/")
        response = await self.send("GET", f"{collection}{rest}" if collection else urljoin(self.url, url))
        return File(response.content, response.headers.get("Content-Type", "").partition(";")[0].strip().lower())

    async def _check_stream(self, response: httpx2.Response) -> None:
        if response.is_error:
            await response.aread()
            raise self.error_of(response)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise UnexpectedResponseError(self.url)
