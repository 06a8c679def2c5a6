"""Long poll: holds the response to a GET or POST until the job has changed or ended, or the caller's wait is over."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, NamedTuple

from litestar import Response
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_304_NOT_MODIFIED

from aether.api.http.etag import entity_tag, is_current
from aether.api.http.prefer import parse_wait
from aether.api.http.problems import AnyRequest
from aether.api.http.responses import JsonResponse
from aether.api.state import services_of
from aether.domain.job import ENDED, Job, Kind
from aether.domain.snapshot import Snapshot
from aether.durable.change_hub import ChangeHub
from aether.errors import StoreUnavailableError, UnknownJobError
from aether.services.jobs import Jobs

KnownVersion = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        description="The version you have. With `Prefer: wait=N`, the answer is held until the job has another one.",
        # Litestar declares no bounds for optional parameters.
        schema_extra={"minimum": 0},
    ),
]


class WaitPreference:
    """How long a response may be held; `headers` are its `Preference-Applied` and `Vary`."""

    def __init__(self, jobs: Jobs, hub: ChangeHub, seconds: int | None) -> None:
        self._jobs = jobs
        self._hub = hub
        self._seconds = seconds or 0
        self.headers = {"Vary": "Prefer"} | ({} if seconds is None else {"Preference-Applied": f"wait={seconds}"})

    async def until_changed(self, snapshot: Snapshot) -> Snapshot:
        """Return the job once its version has changed or the wait is over; at once if it has ended."""
        return await self._hold(snapshot, lambda job: job.version != snapshot.job.version)

    async def until_ended(self, snapshot: Snapshot) -> Snapshot:
        """Return the job once it has ended or the wait is over."""
        return await self._hold(snapshot, lambda _: False)

    async def end_of(self, kind: Kind, owner: str, job_id: str) -> Job | None:
        """Return a job that was just created once it has ended; None if it did not end during the wait.

        Errors of the store are ignored: the job exists, so its creation must be answered.
        """
        if not self._seconds:
            return None
        with suppress(StoreUnavailableError, UnknownJobError):
            job = (await self.until_ended(await self._jobs.snapshot(kind, owner, job_id))).job
            return job if job.status in ENDED else None
        return None

    async def _hold(self, snapshot: Snapshot, is_enough: Callable[[Job], bool]) -> Snapshot:
        deadline = time.monotonic() + self._seconds
        job = snapshot.job
        while job.status not in ENDED and not is_enough(job) and (left := deadline - time.monotonic()) > 0:
            if await self._hub.wait_for_change(job.id, job.version, left) is None:
                break
            snapshot = await self._jobs.snapshot(job.kind, job.owner, job.id)
            job = snapshot.job
        return snapshot


class LongPoll(NamedTuple):
    """A GET of a job: the version that the caller has, and how long the caller would wait for another one.

    `varies_by` names the headers of a request that change the response.
    """

    wait_preference: WaitPreference
    if_none_match: str
    after: int | None
    varies_by: str

    async def wait(self, snapshot: Snapshot) -> Snapshot:
        """Return the job once it has ended, or once it differs from the version that the caller named."""
        if self.after is None and not self.if_none_match:
            return await self.wait_preference.until_ended(snapshot)
        version = snapshot.job.version
        is_known = self.is_cached(version) or version == self.after
        return await self.wait_preference.until_changed(snapshot) if is_known else snapshot

    def is_cached(self, version: int) -> bool:
        """Whether `If-None-Match` names this version, so that the answer is 304."""
        return bool(self.if_none_match) and is_current(self.if_none_match, entity_tag(version))

    def respond(self, version: int, headers: Mapping[str, str], content: Callable[[], bytes]) -> Response[Any]:
        """Return the job as JSON, or 304."""
        headers = {**self.wait_preference.headers, **headers, "Vary": self.varies_by}
        if self.is_cached(version):
            return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers=headers)
        return JsonResponse(content(), headers=headers)


def wait_preference(request: AnyRequest, prefer: str) -> WaitPreference:
    """Return the wait that the `Prefer` header asks for."""
    services = services_of(request)
    return WaitPreference(services.jobs, services.hub, parse_wait(prefer))
