"""Part steps: names of the steps of a guideline that is read in parts."""

from collections.abc import Iterable


def step_names(steps: Iterable[str], parts: int) -> list[str]:
    """Name all steps in their order: each once for every part if there are several, then once for the whole."""
    positions = range(parts if parts > 1 else 0)
    return [name for step in steps for name in (*(f"{part_step(step, parts)}:{at}" for at in positions), step)]


def part_step(step: str, parts: int) -> str:
    """Name a step that is taken for each part.

    The number of parts belongs to the name: the next worker may use a model of another context size, and the result
    for a part of one split must not be taken for that of another.
    """
    return f"{step}/{parts}"
