"""Job headers: the job's address, its version, and when to ask again."""

import math

from litestar.datastructures import ResponseHeader

from aether.api.http.etag import entity_tag
from aether.domain.estimate import Estimate
from aether.domain.job import ENDED, Job

MIN_RETRY_AFTER_S = 1
_MAX_RETRY_AFTER_S = 30

LOCATION = ResponseHeader(name="Location", description="The job's path.", documentation_only=True)
RETRY_AFTER = ResponseHeader(
    name="Retry-After",
    description="When to ask again, in seconds; absent once the job has ended.",
    documentation_only=True,
)
ETAG = ResponseHeader(name="ETag", description="The job's version, in quotes.", documentation_only=True)


def job_headers(job: Job, estimate: Estimate) -> dict[str, str]:
    """Return the headers of a response that shows this job."""
    headers = {"ETag": entity_tag(job.version), "Cache-Control": "private, no-cache"}
    return headers if job.status in ENDED else headers | {"Retry-After": _retry_after(estimate)}


def _retry_after(estimate: Estimate) -> str:
    """Return in how many seconds the job is probably done, within limits."""
    return str(min(max(math.ceil(estimate.seconds_left or 0), MIN_RETRY_AFTER_S), _MAX_RETRY_AFTER_S))
