"""Type variables: what differs between the controllers of kinds, by the names that `BaseJobController.types` has."""

from typing import TypeVar

from aether.api.jobs.job_limits import LimitFields
from aether.api.jobs.read_tokens import LifetimeField

IdT = TypeVar("IdT", bound=str)
StatusT = TypeVar("StatusT", bound=str)
RetryT = TypeVar("RetryT", bound=LimitFields)
TokenBodyT = TypeVar("TokenBodyT", bound=LifetimeField)
JobT = TypeVar("JobT")
PageT = TypeVar("PageT")
TokenT = TypeVar("TokenT")
FormatT = TypeVar("FormatT", bound=str)
