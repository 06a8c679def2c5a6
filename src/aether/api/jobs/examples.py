"""Example jobs: the parts from which each kind builds the examples of the OpenAPI document."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from aether.api.jobs.read_tokens import with_token
from aether.api.jobs.resource import Resource
from aether.api.openapi.operations import EXAMPLE_ID
from aether.domain.job import Job, Kind, Status, Step, StepStatus
from aether.domain.listing import JobPage, JobSummary, encode_cursor

Examples: TypeAlias = Mapping[str, Mapping[str, object]]
"""Values by the name of their schema, and then by a name of their own."""

TokenT = TypeVar("TokenT")

BEGUN = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
_TEXT = "aejt_9TPqQkIyrdMZ4LEq1Ax0vkR0ASA4lS3u6mW0xD2hJ5w"
TIMEOUT = "The model server could not be reached: timeout."


def example_job(kind: Kind, request: Mapping[str, object]) -> Job:
    """Return a job that a worker has begun."""
    return Job(
        id=EXAMPLE_ID,
        kind=kind,
        owner="local",
        input=Raw(msgspec.json.encode(request)),
        status=Status.PROCESSING,
        version=7,
        epoch=2,
        created_at=BEGUN,
        queued_at=BEGUN,
        updated_at=BEGUN + timedelta(seconds=9),
        expires_at=BEGUN + timedelta(days=1, seconds=9),
    )


def finished_step(name: str, result: object) -> Step:
    """Return a step that is done."""
    return Step(
        name,
        status=StepStatus.DONE,
        attempts=1,
        started_at=BEGUN,
        finished_at=BEGUN + timedelta(seconds=2),
        result=Raw(msgspec.json.encode(result)),
    )


def example_token(token: Callable[[str, datetime, str], TokenT], resource: Resource) -> TokenT:
    """Return a read token for the example job of this resource."""
    url = with_token(f"http://127.0.0.1:8000{resource.path}/{EXAMPLE_ID}/events", _TEXT)
    return token(_TEXT, BEGUN + timedelta(minutes=15), url)


def first_page(job: Job) -> JobPage:
    """List this job as the first of two pages."""
    entry = JobSummary(
        job.id,
        job.kind,
        job.status,
        job.input,
        job.version,
        job.progress,
        job.created_at,
        job.updated_at,
        job.expires_at,
    )
    return JobPage((entry,), encode_cursor(entry.sort_key))
