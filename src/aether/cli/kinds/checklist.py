"""A checklist in the making, and as Markdown bullets."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self

import msgspec

from aether.cli.kinds.base import CANCELLED, JobKind, Outcome
from aether.cli.output.markdown import passage, quotation
from aether.cli.output.progress_events import Finished, ProgressEvent, counted, words_of


class Item(msgspec.Struct, frozen=True):
    """One thing to check, and the words of the guideline that ask for it."""

    text: str
    quote: str


class ChecklistState(msgspec.Struct, frozen=True):
    """A checklist at one of its versions: `summary` comes first, `checklist` and `items` at the end."""

    status: Literal["pending", "running", "succeeded", "failed"]
    summary: str | None = None
    checklist: str | None = None
    items: tuple[Item, ...] = ()
    error: str | None = None
    expires_at: datetime | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, if it did."""
        match self.status:
            case "pending" | "running":
                return None
            case "failed" if self.error == CANCELLED:
                return "cancelled"
            case ended:
                return ended

    @property
    def progress(self) -> float:
        """How many of the two steps are done."""
        return ((self.summary is not None) + (self.checklist is not None)) / 2

    @property
    def stage(self) -> str:
        """What is going on."""
        if self.status == "pending":
            return "waiting for a worker"
        return "summarising the guideline" if self.summary is None else "writing the checklist"

    @property
    def standing(self) -> str:
        """How far it came."""
        return "the summary was finished" if self.summary else "the summary was not written yet"

    def news(self, before: Self | None) -> Iterator[ProgressEvent]:
        """Tell of the summary, then of the checklist."""
        if self.summary is not None and not (before and before.summary is not None):
            yield Finished("summary", words_of(self.summary), text=self.summary)
        if self.checklist is not None and not (before and before.checklist is not None):
            yield Finished("checklist", counted(len(self.checklist.splitlines()), "item"))


class ChecklistAccepted(msgspec.Struct, frozen=True):
    """The answer to a new checklist."""

    id: str = msgspec.field(name="event_id")


CHECKLIST = JobKind("checklist", "/jobs", ChecklistAccepted, ChecklistState)


def checklist_document(state: ChecklistState, *, quotes: bool = False) -> str:
    """Write the bullets, with `quotes` each above its words of the guideline; before there are any, the summary."""
    if state.checklist is None:
        return f"{passage(state.summary)}\n" if state.summary else ""
    if quotes and state.items:
        return "".join(f"- {passage(item.text)}\n{quotation(item.quote)}\n" for item in state.items)
    return f"{passage(state.checklist)}\n"
