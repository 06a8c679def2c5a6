"""Prompt choice: in which style a model is asked."""

from aether.workflows.definition import Ports
from aether.workflows.report.prompts.full import FullPrompts
from aether.workflows.report.prompts.plain import PlainPrompts
from aether.workflows.report.prompts.style import PromptStyle


class PromptChoice:
    """Chooses the style for each model, as the worker says how it is asked."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def __call__(self, model: str | None) -> PromptStyle:
        """Return the style for the model that a request names; None is the worker's own."""
        style = PlainPrompts if self._ports.asks_plainly(model) else FullPrompts
        return style(english_only=self._ports.writes_english_only(model))
