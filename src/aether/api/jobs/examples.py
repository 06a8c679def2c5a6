"""Examples: jobs from which each kind builds the examples in the OpenAPI document."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from aether.api.jobs.read_tokens import url_with_token
from aether.api.jobs.resource import Resource
from aether.api.openapi.operations import EXAMPLE_ID
from aether.domain.estimate import Estimate
from aether.domain.job import Job, Kind, Status, Step, StepStatus
from aether.domain.listing import JobPage, JobSummary, encode_cursor

Examples: TypeAlias = Mapping[str, Mapping[str, object]]
"""The examples of each schema, by its name: values by the names of the examples."""

TokenT = TypeVar("TokenT")

STARTED_AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_CREDENTIAL = "aejt_9TPqQkIyrdMZ4LEq1Ax0vkR0ASA4lS3u6mW0xD2hJ5w"
NO_WORKER = Estimate(position=1, lacks_worker=True)
TIMEOUT_DETAIL = "The model server could not be reached: timeout."


def example_job(kind: Kind, request: Mapping[str, object]) -> Job:
    """Return a job that a worker is processing."""
    return Job(
        id=EXAMPLE_ID,
        kind=kind,
        owner="local",
        input=Raw(msgspec.json.encode(request)),
        status=Status.PROCESSING,
        version=7,
        epoch=2,
        created_at=STARTED_AT,
        queued_at=STARTED_AT,
        updated_at=STARTED_AT + timedelta(seconds=9),
        expires_at=STARTED_AT + timedelta(days=1, seconds=9),
    )


def finished_step(name: str, result: object) -> Step:
    """Return a finished step with this result."""
    return Step(
        name,
        status=StepStatus.DONE,
        attempts=1,
        started_at=STARTED_AT,
        finished_at=STARTED_AT + timedelta(seconds=2),
        result=Raw(msgspec.json.encode(result)),
    )


def example_token(token_type: Callable[[str, datetime, str], TokenT], resource: Resource) -> TokenT:
    """Return a read token of the example job of this resource."""
    url = url_with_token(f"http://127.0.0.1:8000{resource.path}/{EXAMPLE_ID}/events", _CREDENTIAL)
    return token_type(_CREDENTIAL, STARTED_AT + timedelta(minutes=15), url)


def first_page(job: Job) -> JobPage:
    """Return the first of two pages, with this job."""
    summary = JobSummary.of(job)
    return JobPage((summary,), encode_cursor(summary.sort_key))
