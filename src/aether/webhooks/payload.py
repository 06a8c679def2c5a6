"""Payload of a delivery: which job has ended, how, and where to see it; never the job's texts."""

import msgspec

from aether.domain.job import Kind
from aether.domain.webhook import Delivery, EndedJob, Ending, JobEnded

PATHS = {
    Kind.REPORT: "/reports/{}",
    Kind.CHECKLIST: "/jobs/{}/",
    Kind.IMAGE: "/api/generation/{}",
}
"""Where the API shows a job of each kind; a test holds this against the API."""


def payload(delivery: Delivery, public_url: str) -> bytes:
    """Return the request body: the same bytes in every attempt."""
    href = public_url.rstrip("/") + PATHS[delivery.kind].format(delivery.job_id)
    status: Ending = delivery.event.value  # type: ignore[assignment]  # jobs that go on have no deliveries
    job = EndedJob(delivery.job_id, delivery.kind, status, delivery.version, href)
    return msgspec.json.encode(JobEnded(f"{delivery.kind}.{delivery.event}", delivery.created_at, job))
