"""What happened to a report between two looks at it."""

from collections.abc import Iterator

import msgspec

from aether.cli.wire import Attempt, Job


class OutlineWritten(msgspec.Struct, frozen=True):
    """The sections to come are known."""

    count: int


class SectionWritten(msgspec.Struct, frozen=True):
    """A section is done, `at` its place in the outline counted from 1."""

    at: int
    count: int
    heading: str
    text: str


class AttemptFailed(msgspec.Struct, frozen=True):
    """A try failed; `pause_s` is the wait for the next one, None if there is none."""

    what: str
    attempt: int
    error: str
    pause_s: float | None


News = OutlineWritten | SectionWritten | AttemptFailed


def news(before: Job | None, after: Job) -> Iterator[News]:
    """Tell what `after` has that `before` had not: failures first, then the outline, then sections in its order."""
    known = set(before.attempts) if before else set()
    yield from (_failed(after, attempt) for attempt in after.attempts if attempt not in known)
    old, new = before.written if before else None, after.written
    if new.outline and not (old and old.outline):
        yield OutlineWritten(len(new.outline))
    for at, heading in enumerate(new.outline, start=1):
        if heading in new.sections and not (old and heading in old.sections):
            yield SectionWritten(at, len(new.outline), heading, new.sections[heading])


def _failed(job: Job, failed: Attempt) -> AttemptFailed:
    # The difference of two of the server's times: its clock need not agree with ours.
    pause_s = (failed.next_retry_at - failed.at).total_seconds() if failed.next_retry_at else None
    return AttemptFailed(job.title_of(failed.step), failed.attempt, failed.error, pause_s)
