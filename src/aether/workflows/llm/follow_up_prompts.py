"""Follow-up prompts: ask a model to repair or to continue its answer."""

from aether.workflows.llm.ports import Message


def repair(problem: str, example: str) -> Message:
    """Ask once more for JSON of the form of the example; the problem completes "Repair your answer: …"."""
    return Message("user", f"Repair your answer: {problem}. Answer with nothing but JSON of the form {example}.")


def continuation(*, whole: bool = False) -> Message:
    """Ask for the rest of a text that was cut off: brought to an end soon, or else the whole of it."""
    aim = "leave nothing out" if whole else "come to an end"
    return Message("user", f"Continue with the next sentence. Repeat nothing, and {aim}.")
