"""What a caller can do with jobs, whatever their kind."""

from uuid import uuid4

from aether.domain.job import Change, Job, Kind, Status
from aether.engine.ports import JobStore, NewJob
from aether.errors import IllegalMoveError, UnknownJobError


class Jobs:
    """The jobs of all owners, seen by one at a time: another's job is as unknown as one that never was.

    Every method raises StoreUnavailableError while the store is away, and those that take an id UnknownJobError.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def submit(self, kind: Kind, owner: str, request: bytes, plan: tuple[str, ...] = ()) -> str:
        """Accept a job and return its id; it is queued already.

        Raises:
            QueueFullError: too many jobs wait; nothing was stored.
        """
        job = NewJob(str(uuid4()), kind, owner, request, plan)
        await self._store.create(job)
        return job.id

    async def get(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Return the job as it stands."""
        job = await self._store.load(job_id)
        if job is None or (job.kind, job.owner) != (kind, owner):
            raise UnknownJobError(job_id)
        return job

    async def cancel(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Stop a job for good, wherever it runs, keeping its finished steps; cancelling it again changes nothing.

        Raises:
            IllegalMoveError: it has completed or failed already.
        """
        await self.get(kind, owner, job_id)
        try:
            await self._store.move(job_id, Change(status=Status.CANCELLED))
        except IllegalMoveError as error:
            if error.status != Status.CANCELLED:
                raise
        return await self.get(kind, owner, job_id)

    async def retry(self, kind: Kind, owner: str, job_id: str) -> Job:
        """Queue a failed or cancelled job again; finished steps are kept.

        Raises:
            IllegalMoveError: it is neither.
        """
        await self.get(kind, owner, job_id)
        await self._store.move(job_id, Change(status=Status.PENDING))
        return await self.get(kind, owner, job_id)

    async def erase(self, kind: Kind, owner: str, job_id: str) -> None:
        """Cancel a job if need be and forget everything about it."""
        await self.get(kind, owner, job_id)
        await self._store.erase(job_id)
