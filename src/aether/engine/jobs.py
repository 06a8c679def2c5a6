"""What a caller can do with jobs, whatever their kind."""

from uuid import uuid4

from aether.domain.job import LIVE, Change, Job, Kind, Limits, Status
from aether.domain.pace import Outlook
from aether.engine.ports import JobStore, NewJob
from aether.errors import IllegalMoveError, UnknownJobError

_UNLIMITED = Limits()


class Jobs:
    """The jobs of all owners, seen by one at a time: another's job is as unknown as one that never was.

    Every method raises StoreUnavailableError while the store is away, and those that take an id UnknownJobError.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def submit(
        self, kind: Kind, owner: str, request: bytes, plan: tuple[str, ...] = (), limits: Limits = _UNLIMITED
    ) -> str:
        """Accept a job and return its id; it is queued already.

        Raises:
            QueueFullError: too many jobs wait; nothing was stored.
        """
        job = NewJob(str(uuid4()), kind, owner, request, plan, limits)
        await self._store.create(job)
        return job.id

    async def get(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Return the job as it stands."""
        job = await self._store.load(job_id)
        if job is None or (job.kind, job.owner) != (kind, owner):
            raise UnknownJobError(job_id)
        return job

    async def outlook(self, job: Job) -> Outlook:
        """Say when a job will be done; one that has ended has nothing to come."""
        return await self._store.outlook(job) if job.status in LIVE else Outlook()

    async def cancel(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Stop a job for good, wherever it runs, keeping its finished steps; cancelling it again changes nothing.

        Raises:
            IllegalMoveError: it has completed or failed already.
        """
        await self.get(kind, owner, job_id)
        await self._moved(job_id, Change(status=Status.CANCELLED))
        return await self.get(kind, owner, job_id)

    async def retry(self, kind: Kind, owner: str, job_id: str, limits: Limits = _UNLIMITED) -> Job:
        """Queue a failed or cancelled job again, with these limits in place of its own; finished steps are kept.

        Retrying a job that is queued already changes nothing.

        Raises:
            IllegalMoveError: it is none of these.
        """
        job = await self.get(kind, owner, job_id)
        await self._moved(job_id, Change(status=Status.PENDING, limits=job.limits | limits))
        return await self.get(kind, owner, job_id)

    async def erase(self, kind: Kind, owner: str, job_id: str) -> None:
        """Cancel a job if need be and forget everything about it."""
        await self.get(kind, owner, job_id)
        await self._store.erase(job_id)

    async def _moved(self, job_id: str, change: Change) -> None:
        """Move a job unless it is there already, as after a request whose answer was lost."""
        try:
            await self._store.move(job_id, change)
        except IllegalMoveError as error:
            if error.status != change.status:
                raise
