"""Step schemas: the steps of a report job on the wire, how many there are, and what they have used."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aether.api.jobs.fields import Count, Timestamp, unset_if_none
from aether.domain import job as domain
from aether.domain.job import Job, Status, StepStatus


class Counts(msgspec.Struct, frozen=True):
    """How many steps have each status. `total` increases with the outline, and when sections are rewritten."""

    total: Annotated[Count, Meta(description="All steps that are known so far.")]
    pending: Annotated[Count, Meta(description="Not started, or interrupted when the job ended.")]
    running: Annotated[Count, Meta(description="Started, or waiting for the next attempt.")]
    done: Annotated[Count, Meta(description="Finished.")]
    failed: Annotated[Count, Meta(description="Given up; retrying the job starts them again.")]


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the work that is done once: the outline, a section, the check of the sections, a rewrite."""

    name: Annotated[
        str,
        Meta(
            description="`outline`; `section:` and its position from 0; `check`; `rewrite:` and the position of the "
            "section; or `derived:` and what is derived, such as `summary`.",
            examples=["section:0"],
        ),
    ]
    status: StepStatus
    attempts: Annotated[int, Meta(ge=0, description="How many attempts were started.")]
    title: Annotated[str, Meta(description="The heading of the section.")] | UnsetType = UNSET
    started_at: Annotated[Timestamp, Meta(description="When the first attempt started.")] | UnsetType = UNSET
    finished_at: Annotated[Timestamp, Meta(description="When the step was finished.")] | UnsetType = UNSET


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """The model calls so far and their tokens."""

    calls: Annotated[Count, Meta(description="How many model calls were answered.")]
    input_tokens: Annotated[Count, Meta(description="Tokens in the prompts.")]
    output_tokens: Annotated[Count, Meta(description="Tokens in the answers.")]


def counts_of(job: Job) -> Counts:
    """Return how many steps there are."""
    total = max(job.total, len(job.steps))
    statuses = [_step_status(job, step) for step in job.steps]
    running, done, failed = map(statuses.count, (StepStatus.RUNNING, StepStatus.DONE, StepStatus.FAILED))
    return Counts(total, total - running - done - failed, running, done, failed)


def step_of(job: Job, step: domain.Step) -> Step:
    """Return a step as the wire shows it."""
    times = unset_if_none(step.started_at), unset_if_none(step.finished_at)
    return Step(step.name, _step_status(job, step), step.attempts, unset_if_none(step.title), *times)


def _step_status(job: Job, step: domain.Step) -> StepStatus:
    """Return the status of a step; one that was interrupted when its job ended is pending, as it waits for a retry."""
    is_interrupted = step.status is StepStatus.RUNNING and job.status is not Status.PROCESSING
    return StepStatus.PENDING if is_interrupted else step.status


def usage_of(job: Job) -> Usage:
    """Return the model calls and their tokens."""
    return Usage(job.usage.calls, job.usage.input_tokens, job.usage.output_tokens)
