"""Commit author: on whose behalf a job is changed."""

from collections.abc import Collection
from typing import Literal, NamedTuple, Self

from aether.adapters.redis.record_serializer import encode_words
from aether.domain.job import Kind
from aether.durable.ports import NewJob


class CommitAuthor(NamedTuple):
    """The first arguments of `commit.lua` after the job's id; the script explains them."""

    name: Literal["create", "run", "begin", "outside"]
    epoch: int = 0
    version: int = 0
    max_jobs: int | Literal[""] = ""
    owner: str = ""
    key: str = ""
    fingerprint: str = ""
    kinds: str = ""

    @classmethod
    def creator(cls, job: NewJob, max_jobs: int | None) -> Self:
        """Return the author who creates this job."""
        idempotency = (job.idempotency.key, job.idempotency.fingerprint) if job.idempotency else ()
        return cls("create", 0, 0, _argument(max_jobs), job.owner, *idempotency)

    @classmethod
    def new_run(cls, kinds: Collection[Kind] | None) -> Self:
        """Return a new run, which can run jobs of these kinds, or of any."""
        return cls("begin", kinds="" if kinds is None else encode_words(kinds))

    @classmethod
    def outsider(cls, max_jobs: int | None) -> Self:
        """Return an author outside of the job's run, which loses the job by this change."""
        return cls("outside", max_jobs=_argument(max_jobs))


def _argument(max_jobs: int | None) -> int | Literal[""]:
    return "" if max_jobs is None else max_jobs
