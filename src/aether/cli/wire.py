"""The part of the API's answers that the command line reads."""

from datetime import datetime
from typing import Literal

import msgspec

ENDED = frozenset({"completed", "failed", "cancelled"})


class Report(msgspec.Struct, frozen=True):
    """A report, or as much of one as is written: `sections` maps headings of the outline to texts."""

    topic: str
    outline: tuple[str, ...] = ()
    sections: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True):
    """A step's name, and the heading it writes if it writes one."""

    name: str
    title: str | None = None


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """A try that failed; `next_retry_at` is None if there is no other."""

    step: str
    attempt: int
    at: datetime
    error: str
    next_retry_at: datetime | None = None


class Job(msgspec.Struct, frozen=True, rename="camel"):
    """A report in the making, at one of its versions."""

    job_id: str
    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    version: int
    progress: float = 0.0
    report: Report | None = None
    partial: Report | None = None
    error: str | None = None
    expires_at: datetime | None = None
    steps: tuple[Step, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in ENDED

    @property
    def written(self) -> Report:
        """The report as far as it is written."""
        return self.report or self.partial or Report("")

    def title_of(self, step: str) -> str:
        """Return what a reader calls the step: the heading it writes, or else its name."""
        return next((known.title for known in self.steps if known.name == step and known.title), step)


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a new report."""

    job_id: str


class BrokenRule(msgspec.Struct, frozen=True):
    """A field of the request and the rule it breaks."""

    field: str = ""
    rule: str = ""


class Problem(msgspec.Struct, frozen=True):
    """An error as RFC 9457 tells it."""

    title: str = ""
    detail: str = ""
    errors: tuple[BrokenRule, ...] = ()
