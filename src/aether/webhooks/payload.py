"""What a delivery says: that something has happened, and where to see it; never what was written."""

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
    """Return the body: the same bytes at every try."""
    href = public_url.rstrip("/") + PATHS[delivery.kind].format(delivery.job_id)
    status: Ending = delivery.event.value  # type: ignore[assignment]  # jobs that go on have no deliveries
    job = EndedJob(delivery.job_id, delivery.kind, status, delivery.version, href)
    return msgspec.json.encode(JobEnded(f"{delivery.kind}.{delivery.event}", delivery.created_at, job))
