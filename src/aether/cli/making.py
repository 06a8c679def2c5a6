"""From a request to an ended job, over a server that may be away for a while."""

import asyncio
from typing import Any

import httpx2

from aether.cli.client import RefusedError, Reports, ServerAwayError
from aether.cli.place import Place
from aether.cli.progress import Presentation
from aether.cli.stopping import Stop, StoppedError
from aether.cli.wire import Job
from aether.errors import AetherError

_POLL_S = 0.3
_AWAY_PAUSE_S = 1.0
_PATIENCE_S = 60.0
_CANCEL_PAUSES_S = (0.0, 0.3, 1.0)


class NotCancelledError(AetherError):
    """The user asked to stop, but the server could not be told."""

    def __init__(self, job_id: str, why: str) -> None:
        super().__init__(f"Report {job_id} could not be cancelled and may go on being written: {why}")


class Making:
    """One report in the making; `url` is where it was last heard of."""

    def __init__(self, place: Place, show: Presentation, stop: Stop, patience_s: float = _PATIENCE_S) -> None:
        self._place = place
        self._show = show
        self._stop = stop
        self._patience_s = patience_s
        self._seen: Job | None = None
        self._away_since: float | None = None
        self.url = ""

    async def make(self, request: dict[str, Any]) -> Job:  # Any: the values of a JSON object
        """Submit the request and return the job once it has ended; at a signal it is cancelled, and ends so.

        Raises:
            StoppedError: the signal came before anything was submitted.
            NotCancelledError: the signal came later, and cancelling failed.
            ServerAwayError: the server did not take the request, or was away for too long.
            RefusedError: the request is not accepted, or the job is gone.
            ConfigurationError: there is no server and none can be started.
        """
        self.url = await self._stop.before(self._place.url())
        async with Reports(self.url) as reports:
            job_id = await reports.submit(request)
        self._show.say(f"accepted: {self.url}/reports/{job_id}")
        try:
            return await self._followed(job_id)
        except StoppedError:
            self._show.say("cancelling")
            return await self._cancelled(job_id)

    async def _followed(self, job_id: str) -> Job:
        while True:
            try:
                async with Reports(self.url) as reports:
                    return await self._watched(reports, job_id)
            except ServerAwayError as error:
                await self._stop.pause(self._pause_after(error))
            self.url = await self._stop.before(self._place.url())

    async def _watched(self, reports: Reports, job_id: str) -> Job:
        while True:
            newer = await self._stop.before(reports.get(job_id, self._seen))
            self._is_back()
            if newer is not None:
                self._show.show(self._seen, newer)
                self._seen = newer
                if newer.ended:
                    return newer
            await self._stop.pause(_POLL_S)

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

    async def _cancelled(self, job_id: str) -> Job:
        async with Reports(self.url) as reports:
            for pause_s in _CANCEL_PAUSES_S:
                await asyncio.sleep(pause_s)
                try:
                    return await reports.cancel(job_id)
                except ServerAwayError as error:
                    why = str(error)
                except RefusedError as error:
                    why = str(error)
                    if error.status == httpx2.codes.CONFLICT and (job := await reports.get(job_id)) is not None:
                        return job  # it had ended a moment before
                    break
        raise NotCancelledError(job_id, why)
