"""The table: what was asked for, what was measured, whether it holds."""

from collections.abc import Iterable

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One bound; `holds` is None for a figure that has none."""

    name: str
    bound: str
    measured: str
    holds: bool | None = None

    @property
    def verdict(self) -> str:
        return "–" if self.holds is None else "ok" if self.holds else "BROKEN"


class Outcome(msgspec.Struct, frozen=True):
    """What a scenario found: its rows and, if something is wrong, all that helps to understand it."""

    scenario: str
    rows: tuple[Row, ...]
    report: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return all(row.holds is not False for row in self.rows)


_HEAD = Row("row", "bound", "measured")


def table(outcomes: Iterable[Outcome]) -> str:
    """Lay the rows of all scenarios out as a Markdown table."""
    lines = [(_HEAD.name, _HEAD.bound, _HEAD.measured, "verdict")]
    lines += [
        (f"{outcome.scenario}: {row.name}", row.bound, row.measured, row.verdict)
        for outcome in outcomes
        for row in outcome.rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    told = [_line(line, widths) for line in lines]
    told.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(told)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
