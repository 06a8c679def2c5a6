"""Commit author: as whom a job is changed."""

from collections.abc import Collection
from typing import Literal, NamedTuple, Self

from aether.adapters.redis.record_serializer import listed_words
from aether.domain.job import Kind
from aether.durable.ports import NewJob


class CommitAuthor(NamedTuple):
    """The first arguments of `commit.lua` behind the job's id, which explains them."""

    name: Literal["create", "run", "begin", "outside"]
    epoch: int = 0
    version: int = 0
    max_jobs: int | Literal[""] = ""
    owner: str = ""
    key: str = ""
    fingerprint: str = ""
    kinds: str = ""

    @classmethod
    def of_new(cls, job: NewJob, max_jobs: int | None) -> Self:
        """Create this job."""
        idempotency = (job.idempotency.key, job.idempotency.fingerprint) if job.idempotency else ()
        return cls("create", 0, 0, _bound(max_jobs), job.owner, *idempotency)

    @classmethod
    def of_run(cls, kinds: Collection[Kind] | None) -> Self:
        """Begin a run of a job of one of these kinds, or of any."""
        return cls("begin", kinds="" if kinds is None else listed_words(kinds))

    @classmethod
    def from_outside(cls, max_jobs: int | None) -> Self:
        """Take the job from whoever runs it."""
        return cls("outside", max_jobs=_bound(max_jobs))


def _bound(max_jobs: int | None) -> int | Literal[""]:
    return "" if max_jobs is None else max_jobs
