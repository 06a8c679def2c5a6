"""Claim reader: gives arq's `run_job` what the claim has brought already, so that it asks Redis for nothing."""

from types import TracebackType
from typing import Any, Self

from arq.connections import ArqRedis
from typing_extensions import override

from aether.leased_queue.key_names import key_name
from aether.leased_queue.keys import ABORT
from aether.leased_queue.leases import Claim, current_claim


class _ClaimReader:
    """Stands for the transaction in which `run_job` reads a job, counts its attempt and takes an abort request."""

    def __init__(self, client: "WorkerRedis", claim: Claim) -> None:
        self._client = client
        self._claim = claim
        self._takes_abort = False

    def get(self, _key: str) -> None:
        """Do nothing: the claim has the payload."""

    def incr(self, _key: str) -> None:
        """Do nothing: the claim script has counted the attempt."""

    def expire(self, _key: str, _seconds: int) -> None:
        """Do nothing: the count lives as long as the claim."""

    def zrem(self, _key: str, _job_id: str) -> None:
        """Let `execute` take the abort request."""
        self._takes_abort = True

    async def execute(self) -> list[Any]:  # the replies to those commands
        """Return what the transaction would."""
        replies = [self._claim.payload or None, self._claim.attempt, True]
        if self._takes_abort:
            replies.append(await self._client.zrem(key_name(self._client, ABORT), self._claim.job_id))
        return replies

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        pass


class WorkerRedis(ArqRedis):
    """The client of a worker; in the task of a claimed job, its first transaction is the one of `run_job`."""

    @override
    def pipeline(self, *args: Any, **options: Any) -> Any:  # as in redis-py
        """Return a pipeline, or what stands for the one in which `run_job` reads the job."""
        claim = current_claim.get(None)
        if claim is None or claim.is_read:
            return super().pipeline(*args, **options)
        claim.is_read = True
        return _ClaimReader(self, claim)
