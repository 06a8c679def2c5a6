"""Long polls: a request that would rather wait for its answer, by `Prefer: wait=N` (RFC 7240, 4.3)."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, NamedTuple

from litestar import Response
from litestar.datastructures import ResponseHeader
from litestar.params import HeaderParameter, QueryParameter
from litestar.status_codes import HTTP_304_NOT_MODIFIED

from aether.api.http.etag import IfNoneMatch, entity_tag, is_current
from aether.api.http.problems import AnyRequest
from aether.api.http.responses import JsonResponse
from aether.api.state import services_of
from aether.domain.job import ENDED, Job, Kind
from aether.domain.snapshot import Snapshot
from aether.durable.change_hub import ChangeHub
from aether.errors import StoreUnavailableError, UnknownJobError
from aether.services.jobs import Jobs

LONGEST_WAIT_S = 60

Prefer = Annotated[
    str,
    HeaderParameter(
        name="Prefer",
        description=f"`wait=N` holds the answer for up to N seconds, {LONGEST_WAIT_S} at most (RFC 7240).",
    ),
]
Known = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        description="With `Prefer: wait=N`, the version you have: holds the answer until another.",
        # Litestar declares no bounds of what may be absent.
        schema_extra={"minimum": 0},
    ),
]
APPLIED = ResponseHeader(
    name="Preference-Applied", description="`wait=N`, if the answer was to be held.", documentation_only=True
)

_PREFERENCE = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_WAIT = re.compile(r'\s*wait\s*=\s*(?P<quote>"?)(?P<seconds>\d{1,18})(?P=quote)\s*(?:;.*)?', re.IGNORECASE | re.ASCII)


def wanted_wait(prefer: str) -> int | None:
    """Return for how many seconds the caller would wait, as far as that is granted; None if none are wanted.

    What is not understood is ignored, as RFC 7240 demands; of several, the first counts.
    """
    found = next(filter(None, map(_WAIT.fullmatch, _PREFERENCE.findall(prefer))), None)
    return min(int(found["seconds"]), LONGEST_WAIT_S) if found else None


class WaitPreference:
    """How long a request may be held; `headers` say so in its answer."""

    def __init__(self, jobs: Jobs, hub: ChangeHub, seconds: int | None) -> None:
        self._jobs = jobs
        self._hub = hub
        self._seconds = seconds or 0
        self.headers = {"Vary": "Prefer"} | ({} if seconds is None else {"Preference-Applied": f"wait={seconds}"})

    async def until_changed(self, seen: Snapshot) -> Snapshot:
        """Return the job when it has another version or the time is up; one that has ended is not waited for."""
        return await self._hold(seen, lambda now: now.version != seen.job.version)

    async def until_ended(self, seen: Snapshot) -> Snapshot:
        """Return the job when it has ended or the time is up."""
        return await self._hold(seen, lambda _: False)

    async def end_of(self, kind: Kind, owner: str, job_id: str) -> Job | None:
        """Return a job that was just accepted once it has ended; None if that is not to be waited for, or not known.

        Whatever happens to the store meanwhile, the job stays accepted.
        """
        if not self._seconds:
            return None
        with suppress(StoreUnavailableError, UnknownJobError):
            job = (await self.until_ended(await self._jobs.snapshot(kind, owner, job_id))).job
            return job if job.status in ENDED else None
        return None

    async def _hold(self, seen: Snapshot, is_enough: Callable[[Job], bool]) -> Snapshot:
        until = time.monotonic() + self._seconds
        job = seen.job
        while job.status not in ENDED and not is_enough(job) and (left := until - time.monotonic()) > 0:
            if await self._hub.wait_for_change(job.id, job.version, left) is None:
                break
            seen = await self._jobs.snapshot(job.kind, job.owner, job.id)
            job = seen.job
        return seen


class LongPoll(NamedTuple):
    """What a caller has of the job that it asks for, and how long it would wait for something else."""

    wait_preference: WaitPreference
    if_none_match: str
    after: int | None

    async def held(self, seen: Snapshot) -> Snapshot:
        """Return the job when it is worth an answer: at its end, or already at a change of what the caller has."""
        if self.after is not None or self.if_none_match:
            version = seen.job.version
            has = self.has(version) or version == self.after
            return await self.wait_preference.until_changed(seen) if has else seen
        return await self.wait_preference.until_ended(seen)

    def has(self, version: int) -> bool:
        """Whether the caller named the job's version as the one that it need not be sent."""
        return bool(self.if_none_match) and is_current(self.if_none_match, entity_tag(version))

    def answer(self, version: int, headers: Mapping[str, str], content: Callable[[], bytes]) -> Response[Any]:
        """Answer with the job as JSON, unless the caller has it."""
        headers = {**self.wait_preference.headers, **headers}
        if self.has(version):
            return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers=headers)
        return JsonResponse(content(), headers=headers)


def wait_preference(request: AnyRequest, prefer: str) -> WaitPreference:
    """Read how long the caller would wait."""
    services = services_of(request)
    return WaitPreference(services.jobs, services.hub, wanted_wait(prefer))


def long_poll(
    request: AnyRequest, prefer: Prefer = "", if_none_match: IfNoneMatch = "", after: Known = None
) -> LongPoll:
    """Read what the caller has."""
    return LongPoll(wait_preference(request, prefer), if_none_match, after)
