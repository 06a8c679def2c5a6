"""Job session: one job from its request to its end, while the server may be unavailable for some time."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

import httpx2

from aether.cli.client.api_client import ApiClient, JobSnapshot
from aether.cli.client.credentials import ServerEndpoint
from aether.cli.client.errors import RefusedError, ServerUnavailableError, TooManyRequestsError
from aether.cli.client.event_follower import follow_events
from aether.cli.client.job_kind import JobKind
from aether.cli.client.server_connection import ServerConnection
from aether.cli.local.signals import StoppedError, StopSignal
from aether.cli.output.delivery import File
from aether.cli.output.job_state import NO_WORKER, StateT
from aether.cli.output.markdown import one_line
from aether.cli.output.progress import ProgressDisplay
from aether.errors import AetherError

ResultT = TypeVar("ResultT")

_RETRY_PAUSE_S = 1.0
_TIMEOUT_S = 60.0
_CANCEL_PAUSES_S = (0.0, 0.3, 1.0)


class NotCancelledError(AetherError):
    """The user interrupted the command, but the job could not be cancelled."""

    def __init__(self, name: str, job_id: str, reason: str) -> None:
        super().__init__(f"{name.capitalize()} {job_id} could not be cancelled and may go on being made: {reason}")


class JobSession(Generic[StateT]):
    """One job; a server that is unavailable is retried for up to `timeout_s`."""

    def __init__(
        self,
        kind: JobKind[StateT],
        connection: ServerConnection,
        display: ProgressDisplay,
        stop: StopSignal,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._kind = kind
        self._connection = connection
        self._display = display
        self._stop = stop
        self._timeout_s = timeout_s
        self._snapshot: JobSnapshot[StateT] | None = None
        self._unavailable_since: float | None = None
        self._max_wait_s = 0.0
        self._server = ServerEndpoint("")
        self._job_id = ""

    @property
    def url(self) -> str:
        """The URL of the job, at the server that answered last."""
        return f"{self._server.url}{self._kind.path}/{self._job_id}"

    async def run(self, request: dict[str, Any]) -> StateT:  # Any: the values of a JSON object
        """Submit the request, wait for the job to end and return it; a signal cancels the job.

        Raises:
            StoppedError: the signal came before the job was submitted.
            NotCancelledError: the signal came later, and the job could not be cancelled.
            ServerUnavailableError: the server does not take requests for now, or was unavailable for too long.
            RefusedError: the server refused the request, or the job was deleted.
            ConfigurationError: there is no server and none can be started.
        """
        self._server = await self._stop.interruptible(self._connection.endpoint())
        for note in self._server.notes:
            self._display.message(note)
        model: str | None = request.get("model") or self._server.models.get(self._kind.model_setting)
        for caution in self._kind.cautions(request, model) if model else ():
            self._display.message(caution)
        self._job_id = await self._submit(request)
        self._display.message(f"accepted: {self.url}")
        if model:
            self._display.message("; ".join(filter(None, (f"model: {one_line(model)}", self._kind.model_note(model)))))
        try:
            return await self._retry_while_unavailable(self._wait_until_ended)
        except StoppedError:
            self._display.message("cancelling")
            return await self._cancel()

    async def check_export(self, format_name: str | None) -> None:
        """Check that the server can make documents of this format; for None, it makes none.

        Raises:
            StoppedError: the signal came first.
            ServerUnavailableError: the server did not answer.
            RefusedError: it cannot; the message says what is missing.
            NoExportError: it is too old.
        """
        if format_name is None:
            return
        self._server = await self._stop.interruptible(self._connection.endpoint())
        async with self._client() as client:
            await self._stop.interruptible(client.check_export(format_name))

    async def find(self, job_id: str) -> bool:
        """Take up an existing job, and tell whether there is one of this kind.

        Raises:
            StoppedError: the signal came first.
            ServerUnavailableError: the server did not answer.
            ConfigurationError: there is no server and none can be started.
        """
        self._server = await self._stop.interruptible(self._connection.endpoint())
        self._job_id = job_id
        async with self._client() as client:
            try:
                await self._stop.interruptible(client.get(job_id))
            except RefusedError as error:
                if error.status == httpx2.codes.NOT_FOUND:
                    return False
                raise
        return True

    async def watch(self) -> StateT:
        """Wait for the job that was found to end and return it; a signal does not cancel it.

        Raises:
            StoppedError: the signal came first.
            ServerUnavailableError: the server was unavailable for too long.
            RefusedError: the job was deleted.
        """
        self._display.message(f"watching: {self.url}")
        return await self._retry_while_unavailable(self._wait_until_ended)

    async def file(self, url: str) -> File:
        """Download a file that the job has made; a signal does not interrupt it while the server answers.

        Raises:
            StoppedError: the signal came while the server was unavailable.
            ServerUnavailableError: it was unavailable for too long.
            RefusedError: the server does not have the file any more.
        """

        async def download(client: ApiClient[StateT]) -> File:
            file = await client.file(url)
            self._available()
            return file

        return await self._retry_while_unavailable(download)

    async def _submit(self, request: dict[str, Any]) -> str:  # Any: the values of a JSON object
        """Return the id of the new job; send the request again only if the response was lost."""
        idempotency_key = str(uuid4())

        async def submit(client: ApiClient[StateT]) -> str:
            job_id = await client.submit(request, idempotency_key)
            self._available()
            return job_id

        try:
            async with self._client() as client:
                return await submit(client)
        except ServerUnavailableError as error:
            if not error.unclear:
                raise
        try:
            return await self._retry_while_unavailable(submit)
        except StoppedError as error:
            raise NotCancelledError(self._kind.name, "of unknown id", "the answer to the request was lost") from error

    def _client(self) -> ApiClient[StateT]:
        return ApiClient(self._server.url, self._kind, self._wait_for_limit, self._server.credential)

    async def _wait_for_limit(self, limit: TooManyRequestsError) -> None:
        """Wait as long as the server asks; show a message unless there was one about a wait as long."""
        if limit.wait_s > self._max_wait_s:
            self._display.message(f"{limit}; going on in {limit.wait_s:g} s")
            self._max_wait_s = limit.wait_s
        # After the signal there are only requests to cancel the job, which the signal must not interrupt.
        pause = asyncio.sleep if self._stop.requested.is_set() else self._stop.sleep
        await pause(limit.wait_s)

    async def _retry_while_unavailable(self, call: Callable[[ApiClient[StateT]], Awaitable[ResultT]]) -> ResultT:
        """Return the result of the call; while the server is unavailable, retry, at its new URL if it has moved."""
        while True:
            try:
                async with self._client() as client:
                    return await call(client)
            except ServerUnavailableError as error:
                await self._stop.sleep(self._retry_pause(error))
            self._server = await self._stop.interruptible(self._connection.endpoint())

    async def _wait_until_ended(self, client: ApiClient[StateT]) -> StateT:
        snapshot = await self._poll(client)
        open_stream, preview = partial(client.events, self._job_id), self._display.preview
        async with follow_events(open_stream, snapshot.version, preview) as follower:
            while snapshot.state.outcome is None:
                await self._stop.interruptible(follower.wait_for_change())
                snapshot = await self._poll(client)
        return snapshot.state

    async def _poll(self, client: ApiClient[StateT]) -> JobSnapshot[StateT]:
        previous = self._snapshot
        snapshot = await self._stop.interruptible(client.get(self._job_id, previous))
        self._available()
        if snapshot is not previous:
            state = snapshot.state
            if state.activity == NO_WORKER and not (previous and previous.state.activity == NO_WORKER):
                self._display.message(NO_WORKER)
            self._display.update(state.events_since(previous and previous.state), state.activity, state.progress)
            self._snapshot = snapshot
        return snapshot

    def _available(self) -> None:
        if self._unavailable_since is not None:
            self._display.message("The server is back.")
        self._unavailable_since = None

    def _retry_pause(self, error: ServerUnavailableError) -> float:
        """Return the seconds until the next attempt; raise the error if the time is up."""
        now = asyncio.get_running_loop().time()
        if self._unavailable_since is None:
            self._unavailable_since = now
            self._display.message(f"{error}; trying again for up to {self._timeout_s:g} s")
        left = self._unavailable_since + self._timeout_s - now
        if left <= 0:
            raise error
        return min(_RETRY_PAUSE_S if error.retry_after is None else error.retry_after, left)

    async def _cancel(self) -> StateT:
        async with self._client() as client:
            for pause_s in _CANCEL_PAUSES_S:
                await asyncio.sleep(pause_s)
                try:
                    return await client.cancel(self._job_id)
                except ServerUnavailableError as error:
                    reason = str(error)
                except RefusedError as error:
                    reason = str(error)
                    if error.status == httpx2.codes.CONFLICT:
                        return (await client.get(self._job_id)).state  # it had ended a moment before
                    break
        raise NotCancelledError(self._kind.name, self._job_id, reason)
