"""Findings of the checks of a report: what is wrong with a text, or was removed from it."""

import msgspec


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault that a check found.

    Attributes:
        code: the check.
        section: the section's position, from 0; None if the finding is about the whole report.
        detail: what was found, in plain words, which may quote the text.
        value: what was measured, if the check measures.
        limit: the value from which on it is a fault.
        weight: how much it counts when two texts of one section are compared.
        needs_rewrite: the section should be written again.
        is_removed: the fault is no longer in the text.
    """

    code: str
    section: int | None = None
    detail: str = ""
    value: float | None = None
    limit: float | None = None
    weight: float = 1.0
    needs_rewrite: bool = False
    is_removed: bool = False
