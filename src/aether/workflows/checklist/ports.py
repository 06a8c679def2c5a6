"""Ports of the checklist workflow: the editor."""

from collections.abc import Sequence
from typing import Protocol

from aether.domain.checklist import Checklist, Summary


class Editor(Protocol):
    """Condenses guidelines.

    Raises TransientError where another attempt may help and PermanentError where it would not; counts the tokens it
    spends with `aether.durable.token_budget.reserve_tokens`.
    """

    def split(self, text: str) -> Sequence[str]:
        """Split a text into as few parts as the model can read one at a time: in order, with nothing left out.

        The same number of parts always means the same parts.
        """
        ...

    async def summarise(self, text: str) -> Summary:
        """Summarise a guideline, or one part of it; never empty."""
        ...

    async def merge_summaries(self, summaries: Sequence[Summary]) -> Summary:
        """Make one summary of the summaries of all parts, however many."""
        ...

    async def write_checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        """List what a guideline, or one part of it, requires; `summary` is that of the whole.

        Every quote occurs in `text`. There is at least one item, unless the checklist `may_be_empty`.
        """
        ...
