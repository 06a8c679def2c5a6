"""Step results: read what the steps of a job returned from its record."""

from typing import TypeVar

import msgspec

from aether.domain.job import Job, StepStatus

T = TypeVar("T")


def result_of(job: Job, name: str, returns: type[T]) -> T | None:
    """Return the result of the step, or None before the step is done."""
    step = job.step(name)
    if step is None or step.status is not StepStatus.DONE:
        return None
    return msgspec.json.decode(step.result, type=returns)
