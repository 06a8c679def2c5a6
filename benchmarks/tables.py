"""Rows as Markdown."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """The rows of one benchmark; all are of one NamedTuple, whose field names are the headings."""

    title: str
    note: str
    rows: Sequence[NamedTuple]

    def markdown(self) -> str:
        """Return title, note and table."""
        headings = [_heading(name) for name in self.rows[0]._fields]
        lines = [headings, ["---", *["---:"] * (len(headings) - 1)]]
        lines += [[_shown(value) for value in row] for row in self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"## {self.title}\n\n{self.note}\n\n{table}\n"


def _heading(name: str) -> str:
    spelled = {"cpu": "CPU", "rss": "RSS", "mb": "MB"}
    return " ".join(spelled.get(word, word) for word in name.replace("_per_", "/").split("_"))


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that this part of the values does not exceed, never between two of them."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered), -int(-len(ordered) * percent // 100)) - 1)]


median = statistics.median


def note_of(docstring: str | None) -> str:
    """Return what a benchmark's docstring says, as one paragraph."""
    return " ".join(str(docstring).split())
