"""Images in the making, and where their files go."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

import msgspec

from aether.cli.kinds.base import CANCELLED, JobKind, Outcome
from aether.cli.output.progress_events import AttemptFailure, Finished, ProgressEvent, counted, pause_between

_SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
}


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """A try that failed; `wait_seconds` and `next_retry_at` are None if there is no other."""

    number: int
    at: datetime
    error: str
    wait_seconds: float | None = None
    next_retry_at: datetime | None = None
    step: str | None = None


class ImageState(msgspec.Struct, frozen=True, rename="camel"):
    """A generation of images at one of its versions; `images` are URLs, there once all are made."""

    status: Literal["PENDING", "COMPLETE", "FAILED"]
    images: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    error: str | None = None
    expires_at: datetime | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, if it did."""
        match self.status:
            case "PENDING":
                return None
            case "COMPLETE":
                return "succeeded"
            case "FAILED":
                return "cancelled" if self.error == CANCELLED else "failed"

    @property
    def progress(self) -> None:
        """Nobody knows."""

    @property
    def stage(self) -> str:
        """What is going on."""
        return "waiting for the image server" + (f"; {self.standing}" if self.attempts else "")

    @property
    def standing(self) -> str:
        """How often it failed."""
        return f"{counted(len(self.attempts), 'attempt')} failed" if self.attempts else "no attempt failed"

    def news(self, before: Self | None) -> Iterator[ProgressEvent]:
        """Tell of each failed attempt, then of the images."""
        known = before.attempts if before else ()
        yield from (_failed(attempt) for attempt in self.attempts if attempt not in known)
        if self.images and not (before and before.images):
            yield Finished("made", counted(len(self.images), "image"))


class ImageAccepted(msgspec.Struct, frozen=True):
    """The answer to a new generation."""

    id: str = msgspec.field(name="generationId")


IMAGE = JobKind("image generation", "/api/generation", ImageAccepted, ImageState)


def image_path(output: Path, at: int, count: int, media_type: str) -> Path:
    """Return where the image `at` this place, counted from 1, goes: numbered unless it is the only one."""
    number = f"-{at}" if count > 1 else ""
    return output.with_name(f"{output.stem}{number}{output.suffix or _SUFFIXES.get(media_type, '')}")


def _failed(failed: Attempt) -> AttemptFailure:
    name, _, at = (failed.step or "image").partition(":")
    pause_s = failed.wait_seconds
    if pause_s is None:
        pause_s = pause_between(failed.at, failed.next_retry_at)
    return AttemptFailure(f"{name} {int(at) + 1}" if at.isdecimal() else name, failed.number, failed.error, pause_s)
