"""Response cache: the encoded responses of jobs, each valid for one revision of its job."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from aether.api.http.json_text import append_members
from aether.api.http.problems import AnyRequest
from aether.api.jobs.job_headers import job_headers
from aether.domain.estimate import Estimate
from aether.domain.job import ENDED, Job
from aether.domain.snapshot import Revision, Snapshot

_MAX_BYTES = 16 * 1024 * 1024
_ENTRY_OVERHEAD = 1024  # bytes beside URL and content


class CachedResponse(NamedTuple):
    """The response for a job at this revision.

    That of a job that has not ended is not whole: it lacks what changes although the job does not, which depends on
    the clock and the queue.
    """

    revision: Revision
    headers: Mapping[str, str]
    content: bytes
    is_whole: bool = True


class JobPresenter(Protocol):
    """What a kind's controller shows of a job."""

    def show_job(self, job: Job, estimate: Estimate, url: str) -> object: ...  # noqa: D102 - see `JobController`

    def show_estimate(self, estimate: Estimate) -> msgspec.Struct: ...  # noqa: D102 - as above


class ResponseCache:
    """A least-recently-used cache of responses by URL, limited in bytes.

    The key is the whole URL because a response may contain it. Entries are used only after the store has confirmed that
    the job is the caller's and still at the same revision. What it saves: `python -m benchmarks ablation`.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._responses: OrderedDict[str, CachedResponse] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._responses)

    async def get_or_load(
        self, url: str, load: Callable[[Revision | None], Awaitable[Snapshot | None]]
    ) -> "CachedResponse | Snapshot":
        """Return the cached response if it is whole and still valid, or else the job.

        `load` is called once, with the revision of a whole response; it returns None if the job is still at that one.
        """
        cached = self.get(url)
        snapshot = await load(cached.revision if cached and cached.is_whole else None)
        if snapshot is not None:
            return snapshot
        if cached is None:
            raise AssertionError(url)
        return cached

    def encode(self, snapshot: Snapshot, url: str, presenter: JobPresenter) -> bytes:
        """Encode a job, at each revision once; until it has ended, its estimate is encoded each time."""
        job, revision = snapshot.job, Revision.of(snapshot.job)
        cached = self.get(url)
        if cached is None or cached.revision != revision:
            content = msgspec.json.encode(presenter.show_job(job, Estimate(), url))
            cached = CachedResponse(revision, job_headers(job, Estimate()), content, is_whole=job.status in ENDED)
            self.put(url, cached)
        if cached.is_whole:
            return cached.content
        return append_members(cached.content, msgspec.json.encode(presenter.show_estimate(snapshot.estimate)))

    def get(self, url: str) -> CachedResponse | None:
        """Return the cached response."""
        response = self._responses.get(url)
        if response:
            self._responses.move_to_end(url)
        return response

    def put(self, url: str, response: CachedResponse) -> None:
        """Cache a response, unless it is larger than the whole cache may be."""
        self.remove(url)
        if _size(url, response) > self._max_bytes:
            return
        self._responses[url] = response
        self.size += _size(url, response)
        while self.size > self._max_bytes:
            self.remove(next(iter(self._responses)))

    def remove(self, url: str) -> None:
        """Remove a response, if there is one."""
        response = self._responses.pop(url, None)
        if response:
            self.size -= _size(url, response)


def response_cache_of(request: AnyRequest) -> ResponseCache:
    """Return the cache of this process."""
    cache: ResponseCache = request.app.state.response_cache
    return cache


def _size(url: str, response: CachedResponse) -> int:
    return len(url) + len(response.content) + _ENTRY_OVERHEAD
