"""As whom a job is changed."""

from typing import Literal, NamedTuple, Self

from aether.durable.ports import NewJob


class CommitAuthor(NamedTuple):
    """The first arguments of `commit.lua` behind the job's id, which explains them."""

    name: Literal["create", "run", "begin", "outside"]
    epoch: int = 0
    version: int = 0
    most: int | Literal[""] = ""
    owner: str = ""
    key: str = ""
    fingerprint: str = ""

    @classmethod
    def of_new(cls, job: NewJob, most: int | None) -> Self:
        """Create this job."""
        once = (job.once.key, job.once.fingerprint) if job.once else ()
        return cls("create", 0, 0, _bound(most), job.owner, *once)

    @classmethod
    def from_outside(cls, most: int | None) -> Self:
        """Take the job from whoever runs it."""
        return cls("outside", most=_bound(most))


def _bound(most: int | None) -> int | Literal[""]:
    return "" if most is None else most
