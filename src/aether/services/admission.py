"""On what terms a job is taken: for whom, how many at a time, and only once."""

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from aether.domain.idempotency import Idempotency
from aether.durable.ports import NewJob

_canonical = msgspec.json.Encoder(order="sorted").encode


class Admission(msgspec.Struct, frozen=True):
    """Who asks for a job.

    `most` is how many of the owner's jobs may wait or run at a time, if that is not for the service to say. `key` is
    what the caller calls this request, so that sending it again makes no second job.
    """

    owner: str
    most: int | None = None
    key: str | None = None


def keyed(job: NewJob, key: str) -> NewJob:
    """Return the job as one that is asked for under this key; the key has no control characters.

    What counts is what a request means: the order of its members and the space between them do not.
    """
    meant = (job.kind, msgspec.json.decode(job.input), job.limits, job.webhook)
    once = Idempotency(_digest(f"{key}\0{job.owner}".encode()), _digest(_canonical(meant)))
    return replace(job, once=once)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
