"""Use cases of jobs of all kinds: submit, read, list, cancel, retry and delete them."""

from collections.abc import Mapping
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from aether.domain.job import Change, Job, Kind, Limits, Status
from aether.domain.listing import JobPage
from aether.domain.snapshot import Revision, Snapshot
from aether.domain.webhook import Webhook
from aether.durable.ports import FileStore, JobStore, NewJob, Replay
from aether.errors import IllegalMoveError, UnknownJobError
from aether.services.admission import Admission, with_idempotency_key
from aether.services.pagination import read_page

_UNLIMITED = Limits()
_NO_DEFAULTS: Mapping[Kind, Mapping[str, object]] = {}


class Jobs:
    """The jobs of all owners; each method acts on one owner's, and treats another owner's job as missing.

    `max_jobs` is how many of an owner's jobs, over all kinds, may wait or run at a time; an owner's own limit takes
    precedence. `defaults` are members that a request of a kind gets if it does not have them. Every method raises
    StoreUnavailableError while the store is unavailable; those that take a job's id raise UnknownJobError.
    """

    def __init__(
        self,
        store: JobStore,
        files: FileStore,
        max_jobs: int | None = None,
        defaults: Mapping[Kind, Mapping[str, object]] = _NO_DEFAULTS,
    ) -> None:
        self._store = store
        self._files = files
        self._max_jobs = max_jobs
        self._defaults = defaults

    async def submit(  # noqa: PLR0913, PLR0917 - the admission, and all that a request may contain
        self,
        kind: Kind,
        admission: Admission,
        request: bytes,
        plan: tuple[str, ...] = (),
        limits: Limits = _UNLIMITED,
        webhook: Webhook | None = None,
    ) -> str:
        """Store and queue a job, and return its id. Its end is delivered to `webhook`, or to the owner's endpoint.

        A request that is repeated with the same idempotency key returns the first job's id and creates nothing.

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
            QueueFullError: too many jobs wait; nothing was stored.
            TooManyJobsError: too many of the owner's jobs wait or run; nothing was stored.
        """
        job = NewJob(str(uuid4()), kind, admission.owner, request, plan, limits, webhook)
        if admission.idempotency_key is not None:
            job = with_idempotency_key(job, admission.idempotency_key, admission.as_sent)
        # A retried job keeps its defaults. A repeated request is the same one, whatever the defaults are by then.
        job = replace(job, input=_with_defaults(request, self._defaults.get(kind)))
        return await self._store.create(job, self._max_jobs_for(admission.max_jobs))

    async def find_repeated(
        self, kind: Kind, admission: Admission, limits: Limits = _UNLIMITED, webhook: Webhook | None = None
    ) -> str | None:
        """Return the id of the job that this request, `as_sent`, has created with its key; None if none.

        Raises:
            IdempotencyKeyReusedError: the key was used for another request.
        """
        if admission.idempotency_key is None:
            return None
        sent = NewJob("", kind, admission.owner, admission.as_sent or b"", limits=limits, webhook=webhook)
        idempotency = with_idempotency_key(sent, admission.idempotency_key).idempotency
        return await self._store.find_repeated(idempotency) if idempotency else None

    async def get(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Return the job."""
        return (await self.snapshot(kind, owner, job_id)).job

    async def snapshot(self, kind: Kind, owner: str, job_id: str) -> Snapshot:
        """Return the job with its estimate."""
        snapshot = await self.snapshot_if_changed(kind, owner, job_id)
        if snapshot is None:
            raise UnknownJobError(job_id)
        return snapshot

    async def snapshot_if_changed(
        self, kind: Kind, owner: str, job_id: str, known: Revision | None = None
    ) -> Snapshot | None:
        """Return the job with its estimate; None if the job's revision is still `known`."""
        return await self._store.load_snapshot(kind, owner, job_id, known)

    async def replay(self, job: Job, after: int, limit: int) -> Replay:
        """Return up to `limit` events of the job that followed the version `after`."""
        return await self._store.replay(job.id, after, limit)

    async def cancel(self, kind: Kind, owner: str, job_id: str) -> Snapshot:
        """Cancel a job, even if it is running; finished steps are kept. Cancelling it again changes nothing.

        Raises:
            IllegalMoveError: the job has completed or failed already.
        """
        await self.get(kind, owner, job_id)
        await self._move(job_id, Change(status=Status.CANCELLED))
        return await self.snapshot(kind, owner, job_id)

    async def retry(
        self, kind: Kind, owner: str, job_id: str, limits: Limits = _UNLIMITED, max_jobs: int | None = None
    ) -> Snapshot:
        """Queue a failed or cancelled job again; `limits` replace the job's own. Finished steps are kept.

        Retrying a job that is queued already changes nothing. `max_jobs` means the same as in `Admission`.

        Raises:
            IllegalMoveError: the job is neither failed, cancelled nor queued.
            TooManyJobsError: too many of the owner's jobs wait or run.
        """
        job = await self.get(kind, owner, job_id)
        change = Change(status=Status.PENDING, limits=job.limits | limits)
        await self._move(job_id, change, self._max_jobs_for(max_jobs))
        return await self.snapshot(kind, owner, job_id)

    async def erase(self, kind: Kind, owner: str, job_id: str) -> None:
        """Delete a job and its files, cancelling it if necessary."""
        await self.get(kind, owner, job_id)
        # Files first: if this is interrupted, the record still exists and the request can be repeated.
        await self._files.erase(job_id)
        await self._store.erase(job_id)

    async def file(  # noqa: PLR0913, PLR0917 - the job, the file and the byte range
        self, kind: Kind, owner: str, job_id: str, name: str, start: int = 0, stop: int | None = None
    ) -> bytes | None:
        """Return the bytes `[start:stop]` of a job's file; None if the job has no file with this name."""
        await self.get(kind, owner, job_id)
        return await self._files.read(job_id, name, start, stop)

    async def list(
        self, kind: Kind, owner: str, statuses: frozenset[Status], limit: int, cursor: str | None = None
    ) -> JobPage:
        """Return a page of the owner's jobs with one of these statuses, newest first, as `JobStore.list` does.

        `cursor` is the `next` of the previous page.

        Raises:
            FieldError: `limit` is out of bounds, or `cursor` is not from a page.
        """
        return await read_page(lambda before: self._store.list(owner, kind, statuses, limit, before), limit, cursor)

    def _max_jobs_for(self, own_limit: int | None) -> int | None:
        return self._max_jobs if own_limit is None else own_limit

    async def _move(self, job_id: str, change: Change, max_jobs: int | None = None) -> None:
        """Change the job's status; ignore that it has the status already, as when a request is repeated."""
        try:
            await self._store.move(job_id, change, max_jobs)
        except IllegalMoveError as error:
            if error.status != change.status:
                raise


def _with_defaults(request: bytes, defaults: Mapping[str, object] | None) -> bytes:
    if not defaults:
        return request
    return msgspec.json.encode({**defaults, **msgspec.json.decode(request, type=dict[str, msgspec.Raw])})
