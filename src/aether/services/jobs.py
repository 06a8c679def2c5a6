"""What a caller can do with jobs, whatever their kind."""

from uuid import uuid4

from aether.domain.estimate import Estimate
from aether.domain.job import LIVE, Change, Job, Kind, Limits, Status
from aether.domain.listing import JobPage
from aether.domain.snapshot import Revision, Snapshot
from aether.domain.webhook import Webhook
from aether.durable.ports import FileStore, JobStore, NewJob, Replay
from aether.errors import IllegalMoveError, UnknownJobError
from aether.services.admission import Admission, keyed
from aether.services.pagination import read_page

_UNLIMITED = Limits()


class Jobs:
    """The jobs of all owners, seen by one at a time: another's job is as unknown as one that never was.

    `most` is how many of an owner's jobs may wait or run at a time, of all kinds, where the owner has no own number.
    Every method raises StoreUnavailableError while the store is away, and those that take an id UnknownJobError.
    """

    def __init__(self, store: JobStore, files: FileStore, most: int | None = None) -> None:
        self._store = store
        self._files = files
        self._most = most

    async def submit(  # noqa: PLR0913, PLR0917 - on what terms, and all that a caller may say about it
        self,
        kind: Kind,
        admission: Admission,
        request: bytes,
        plan: tuple[str, ...] = (),
        limits: Limits = _UNLIMITED,
        webhook: Webhook | None = None,
    ) -> str:
        """Accept a job and return its id; it is queued already. Its end is told to `webhook`, or the owner's endpoint.

        What is asked for again under the same key is the first job, as it stands.

        Raises:
            IdempotencyKeyReusedError: the key stands for another request.
            QueueFullError: too many jobs wait; nothing was stored.
            TooManyJobsError: too many of the owner's jobs wait or run; nothing was stored.
        """
        job = NewJob(str(uuid4()), kind, admission.owner, request, plan, limits, webhook)
        if admission.key is not None:
            job = keyed(job, admission.key)
        return await self._store.create(job, self._most_for(admission.most))

    async def get(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Return the job as it stands."""
        return (await self.snapshot(kind, owner, job_id)).job

    async def snapshot(self, kind: Kind, owner: str, job_id: str) -> Snapshot:
        """Return the job as it stands, and what is to come."""
        snapshot = await self.look(kind, owner, job_id)
        if snapshot is None:
            raise UnknownJobError(job_id)
        return snapshot

    async def look(self, kind: Kind, owner: str, job_id: str, known: Revision | None = None) -> Snapshot | None:
        """Return the job as it stands, and what is to come; None if it still stands as `known` says."""
        return await self._store.look(kind, owner, job_id, known)

    async def replay(self, job: Job, after: int, limit: int) -> Replay:
        """Tell up to `limit` events of a job that followed the version `after`."""
        return await self._store.replay(job.id, after, limit)

    async def estimate(self, job: Job) -> Estimate:
        """Say when a job will be done; one that has ended has nothing to come."""
        return await self._store.estimate(job) if job.status in LIVE else Estimate()

    async def cancel(self, kind: Kind, owner: str, job_id: str) -> Snapshot:
        """Stop a job for good, wherever it runs, keeping its finished steps; cancelling it again changes nothing.

        Raises:
            IllegalMoveError: it has completed or failed already.
        """
        await self.get(kind, owner, job_id)
        await self._moved(job_id, Change(status=Status.CANCELLED))
        return await self.snapshot(kind, owner, job_id)

    async def retry(
        self, kind: Kind, owner: str, job_id: str, limits: Limits = _UNLIMITED, most: int | None = None
    ) -> Snapshot:
        """Queue a failed or cancelled job again, with these limits in place of its own; finished steps are kept.

        Retrying a job that is queued already changes nothing. `most` is as in `Admission`.

        Raises:
            IllegalMoveError: it is none of these.
            TooManyJobsError: too many of the owner's jobs wait or run.
        """
        job = await self.get(kind, owner, job_id)
        change = Change(status=Status.PENDING, limits=job.limits | limits)
        await self._moved(job_id, change, self._most_for(most))
        return await self.snapshot(kind, owner, job_id)

    async def erase(self, kind: Kind, owner: str, job_id: str) -> None:
        """Cancel a job if need be and forget everything about it."""
        await self.get(kind, owner, job_id)
        # While the record stands, whoever was cut off here can ask again; without it nobody would know of the files.
        await self._files.erase(job_id)
        await self._store.erase(job_id)

    async def file(  # noqa: PLR0913, PLR0917 - whose file, and which part of it
        self, kind: Kind, owner: str, job_id: str, name: str, start: int = 0, stop: int | None = None
    ) -> bytes | None:
        """Return a job's file, or its bytes from `start` up to `stop`; None if the job has none of this name."""
        await self.get(kind, owner, job_id)
        return await self._files.read(job_id, name, start, stop)

    async def list(
        self, kind: Kind, owner: str, statuses: frozenset[Status], limit: int, cursor: str | None = None
    ) -> JobPage:
        """Return the owner's jobs that have one of these statuses, newest first, as `JobStore.list` promises.

        `cursor` is the `next` of the page before.

        Raises:
            FieldError: `limit` is out of bounds, or no page has given this `cursor`.
        """
        return await read_page(lambda before: self._store.list(owner, kind, statuses, limit, before), limit, cursor)

    def _most_for(self, owners_own: int | None) -> int | None:
        return self._most if owners_own is None else owners_own

    async def _moved(self, job_id: str, change: Change, most: int | None = None) -> None:
        """Move a job unless it is there already, as after a request whose answer was lost."""
        try:
            await self._store.move(job_id, change, most)
        except IllegalMoveError as error:
            if error.status != change.status:
                raise
