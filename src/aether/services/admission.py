"""Admission of a new job: its owner, how many jobs the owner may have, and the idempotency key."""

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from aether.domain.idempotency import Idempotency
from aether.durable.ports import NewJob

_encode_canonical = msgspec.json.Encoder(order="sorted").encode


class Admission(msgspec.Struct, frozen=True):
    """The conditions under which an owner submits a job.

    `max_jobs` is how many of the owner's jobs may wait or run at a time; None is the service's default. Submitting
    again with the same `idempotency_key` creates no second job. The key stands for the request `as_sent`; None is the
    request that the job stores, which is another one if it was completed from something that may change.
    """

    owner: str
    max_jobs: int | None = None
    idempotency_key: str | None = None
    as_sent: bytes | None = None


def with_idempotency_key(job: NewJob, key: str, as_sent: bytes | None = None) -> NewJob:
    """Return the job with this idempotency key, which must not contain control characters.

    Requests count as equal if they differ only in the order of JSON members and in white space.
    """
    content = (job.kind, msgspec.json.decode(as_sent or job.input), job.limits, job.webhook)
    idempotency = Idempotency(_digest(f"{key}\0{job.owner}".encode()), _digest(_encode_canonical(content)))
    return replace(job, idempotency=idempotency)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
