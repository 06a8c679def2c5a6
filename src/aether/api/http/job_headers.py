"""What the headers of a job's answers say: where it is, at which version, and when to ask again."""

import math

from litestar.datastructures import ResponseHeader

from aether.api.http.etag import entity_tag
from aether.domain.estimate import Estimate
from aether.domain.job import ENDED, Job

SOONEST_S = 1
_LATEST_S = 30

LOCATION = ResponseHeader(name="Location", description="Where the job is.", documentation_only=True)
RETRY_AFTER = ResponseHeader(
    name="Retry-After",
    description="When to ask again, in seconds; absent once the job has ended.",
    documentation_only=True,
)
ETAG = ResponseHeader(name="ETag", description="The job's version, in quotes.", documentation_only=True)


def job_headers(job: Job, estimate: Estimate) -> dict[str, str]:
    """Return what is said of a job that stands so."""
    fixed = {"ETag": entity_tag(job.version), "Cache-Control": "private, no-cache"}
    return fixed | ({"Retry-After": _ask_again(estimate)} if job.status not in ENDED else {})


def _ask_again(estimate: Estimate) -> str:
    """Say in how many seconds it is worth to ask again: when the job is probably done, but not too late."""
    return str(min(max(math.ceil(estimate.seconds_left or 0), SOONEST_S), _LATEST_S))
