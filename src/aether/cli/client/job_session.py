"""From a request to an ended job, over a server that may be away for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

import httpx2

from aether.cli.client.api_client import ApiClient, File, JobSnapshot, LimitedError, RefusedError, ServerAwayError
from aether.cli.client.credentials import ServerEndpoint
from aether.cli.client.event_follower import follow_events
from aether.cli.client.server_connection import ServerConnection
from aether.cli.kinds.base import JobKind, StateT
from aether.cli.local.signals import StoppedError, StopSignal
from aether.cli.output.progress import Presentation
from aether.errors import AetherError

Result = TypeVar("Result")

_AWAY_PAUSE_S = 1.0
_PATIENCE_S = 60.0
_CANCEL_PAUSES_S = (0.0, 0.3, 1.0)


class NotCancelledError(AetherError):
    """The user asked to stop, but the server could not be told."""

    def __init__(self, name: str, job_id: str, why: str) -> None:
        super().__init__(f"{name.capitalize()} {job_id} could not be cancelled and may go on being made: {why}")


class JobSession(Generic[StateT]):
    """One job in the making."""

    def __init__(
        self,
        kind: JobKind[StateT],
        place: ServerConnection,
        show: Presentation,
        stop: StopSignal,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._kind = kind
        self._place = place
        self._show = show
        self._stop = stop
        self._patience_s = patience_s
        self._seen: JobSnapshot[StateT] | None = None
        self._away_since: float | None = None
        self._longest_wait_s = 0.0
        self._server = ServerEndpoint("")
        self._job_id = ""

    @property
    def url(self) -> str:
        """Where the job was last heard of."""
        return f"{self._server.url}{self._kind.path}/{self._job_id}"

    async def make(self, request: dict[str, Any]) -> StateT:  # Any: the values of a JSON object
        """Submit the request and return the job once it has ended; at a signal it is cancelled, and ends so.

        Raises:
            StoppedError: the signal came before anything was submitted.
            NotCancelledError: the signal came later, and cancelling failed.
            ServerAwayError: the server does not take the request for now, or was away for too long.
            RefusedError: the request is not accepted, or the job is gone.
            ConfigurationError: there is no server and none can be started.
        """
        self._server = await self._stop.before(self._place.endpoint())
        self._job_id = await self._submitted(request)
        self._show.say(f"accepted: {self.url}")
        try:
            return await self._patiently(self._watched)
        except StoppedError:
            self._show.say("cancelling")
            return await self._cancelled()

    async def find(self, job_id: str) -> bool:
        """Take up a job that exists already, and tell whether there is one of this kind.

        Raises:
            StoppedError: the signal came first.
            ServerAwayError: the server did not answer.
            ConfigurationError: there is no server and none can be started.
        """
        self._server = await self._stop.before(self._place.endpoint())
        self._job_id = job_id
        async with self._jobs() as jobs:
            try:
                await self._stop.before(jobs.get(job_id))
            except RefusedError as error:
                if error.status == httpx2.codes.NOT_FOUND:
                    return False
                raise
        return True

    async def watch(self) -> StateT:
        """Return the job that was found once it has ended; a signal does nothing to it.

        Raises:
            StoppedError: the signal came first.
            ServerAwayError: the server was away for too long.
            RefusedError: the job is gone.
        """
        self._show.say(f"watching: {self.url}")
        return await self._patiently(self._watched)

    async def file(self, url: str) -> File:
        """Fetch something that the job has made; no signal hurries it while the server answers.

        Raises:
            StoppedError: the signal came while the server was away.
            ServerAwayError: that was for too long.
            RefusedError: the server has it no longer.
        """

        async def fetched(jobs: ApiClient[StateT]) -> File:
            file = await jobs.file(url)
            self._is_back()
            return file

        return await self._patiently(fetched)

    async def _submitted(self, request: dict[str, Any]) -> str:  # Any: the values of a JSON object
        """Return the new job's id; only where the answer was lost the request is sent again."""
        key = str(uuid4())

        async def accepted(jobs: ApiClient[StateT]) -> str:
            job_id = await jobs.submit(request, key)
            self._is_back()
            return job_id

        try:
            async with self._jobs() as jobs:
                return await accepted(jobs)
        except ServerAwayError as error:
            if not error.unclear:
                raise
        try:
            return await self._patiently(accepted)
        except StoppedError as error:
            raise NotCancelledError(self._kind.name, "of unknown id", "the answer to the request was lost") from error

    def _jobs(self) -> ApiClient[StateT]:
        return ApiClient(self._server.url, self._kind, self._heed, self._server.credential)

    async def _heed(self, limit: LimitedError) -> None:
        """Wait as the server asks, and say so, unless it was said already of a wait as long."""
        if limit.wait_s > self._longest_wait_s:
            self._show.say(f"{limit}; going on in {limit.wait_s:g} s")
            self._longest_wait_s = limit.wait_s
        # What is asked behind a signal, to cancel, was asked for by it.
        pause = asyncio.sleep if self._stop.asked.is_set() else self._stop.pause
        await pause(limit.wait_s)

    async def _patiently(self, ask: Callable[[ApiClient[StateT]], Awaitable[Result]]) -> Result:
        """Return what the server says; while it is away, try again wherever it comes back."""
        while True:
            try:
                async with self._jobs() as jobs:
                    return await ask(jobs)
            except ServerAwayError as error:
                await self._stop.pause(self._pause_after(error))
            self._server = await self._stop.before(self._place.endpoint())

    async def _watched(self, jobs: ApiClient[StateT]) -> StateT:
        look = await self._look(jobs)
        async with follow_events(partial(jobs.events, self._job_id), look.version, self._show.preview) as follower:
            while look.state.outcome is None:
                await self._stop.before(follower.change())
                look = await self._look(jobs)
        return look.state

    async def _look(self, jobs: ApiClient[StateT]) -> JobSnapshot[StateT]:
        before = self._seen
        look = await self._stop.before(jobs.get(self._job_id, before))
        self._is_back()
        if look is not before:
            self._show.show(look.state.news(before and before.state), look.state.stage, look.state.progress)
            self._seen = look
        return look

    def _is_back(self) -> None:
        if self._away_since is not None:
            self._show.say("The server is back.")
        self._away_since = None

    def _pause_after(self, error: ServerAwayError) -> float:
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since = now
            self._show.say(f"{error}; trying again for up to {self._patience_s:g} s")
        left = self._away_since + self._patience_s - now
        if left <= 0:
            raise error
        return min(_AWAY_PAUSE_S if error.retry_after is None else error.retry_after, left)

    async def _cancelled(self) -> StateT:
        async with self._jobs() as jobs:
            for pause_s in _CANCEL_PAUSES_S:
                await asyncio.sleep(pause_s)
                try:
                    return await jobs.cancel(self._job_id)
                except ServerAwayError as error:
                    why = str(error)
                except RefusedError as error:
                    why = str(error)
                    if error.status == httpx2.codes.CONFLICT:
                        return (await jobs.get(self._job_id)).state  # it had ended a moment before
                    break
        raise NotCancelledError(self._kind.name, self._job_id, why)
