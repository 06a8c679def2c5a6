"""Outline reader: reads a model's answers until one has an outline whose titles are headings."""

from collections.abc import Callable, Iterable

from aether.domain.report import MAX_SECTIONS, Outline
from aether.domain.report_request import FreeSections
from aether.errors import UnusableOutputError
from aether.workflows.llm.ports import Message, Reply
from aether.workflows.report.outline_parser import find_outline, first_added, first_sections
from aether.workflows.report.outline_review import Reviewed, force, review

_FEWEST = 4  # sections that are left when those with faults are left out
_MOST = 2 * MAX_SECTIONS  # sections that are looked at, since some may be left out
_MAX_REASONS = 3


class OutlineReader:
    """Reads the answers to one prompt; if the first one has faults that code cannot repair, another one is asked for.

    `wanted` is how many sections there are to be, or how many are added to planned ones. `choose` returns the sections
    to look at of those that were found. `best` is the outline with the fewest faults so far, and None if there is none.
    """

    def __init__(
        self,
        topic: str,
        wanted: int | FreeSections | None,
        messages: Iterable[Message],
        choose: Callable[[Outline], Outline] = lambda found: found,
    ) -> None:
        self.best: Outline | None = None
        self._topic = topic
        self._wanted = wanted
        self._count = wanted if isinstance(wanted, int) else None
        self._examples = [message.content for message in messages if message.role == "assistant"]
        self._choose = choose
        self._fewest_faults = 0

    def read(self, reply: Reply) -> Outline:
        """Read an outline; of the second one, or the first one if it is better, the faults are accepted.

        Raises:
            UnusableOutputError: there is no outline, it is too short, or its titles have faults.
        """
        found = Outline(self._choose(find_outline(reply.text, self._count)).items[:_MOST])
        reviewed = self._without_faulty(review(found, self._topic, self._examples))
        outline = self._first(reviewed.outline)
        faults = [fault for fault in reviewed.faults if fault.position < len(outline.items)]
        if not faults:
            return outline
        is_second = self.best is not None
        if self.best is None or len(faults) <= self._fewest_faults:
            self.best, self._fewest_faults = Outline.of(map(force, outline.items)), len(faults)
        if is_second:
            return self.best
        raise UnusableOutputError("; ".join(fault.reason for fault in faults[:_MAX_REASONS]))

    def _without_faulty(self, reviewed: Reviewed) -> Reviewed:
        """Leave out the sections with faults, if enough of the others are left."""
        faulty = {fault.position for fault in reviewed.faults}
        kept = [item for at, item in enumerate(reviewed.outline.items) if at not in faulty]
        least = self._wanted.min if isinstance(self._wanted, FreeSections) else self._count or _FEWEST
        return Reviewed(Outline.of(kept), ()) if faulty and len(kept) >= least else reviewed

    def _first(self, outline: Outline) -> Outline:
        if isinstance(self._wanted, FreeSections):
            return first_added(outline, self._wanted)
        return first_sections(outline, self._count)
