"""Payload of a delivery: which job has ended, how, and where to see it; never the job's texts."""

import msgspec

from aether.domain.webhook import Delivery, EndedJob, Ending, JobEnded


def payload(delivery: Delivery, href: str) -> bytes:
    """Return the request body, the same bytes in every attempt; `href` is the link to the job."""
    status: Ending = delivery.event.value  # type: ignore[assignment]  # jobs that go on have no deliveries
    job = EndedJob(delivery.job_id, delivery.kind, status, delivery.version, href)
    return msgspec.json.encode(JobEnded(f"{delivery.kind}.{delivery.event}", delivery.created_at, job))
