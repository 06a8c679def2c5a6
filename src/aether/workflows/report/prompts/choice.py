"""Prompt choice: in which style a model is asked."""

from aether.workflows.definition import Ports
from aether.workflows.report.prompts.full import FullPrompts
from aether.workflows.report.prompts.plain import PlainPrompts
from aether.workflows.report.prompts.style import PromptStyle

# Models with less context know little but English, and each further request makes their answers worse.
_KNOWS_LANGUAGES = 4_096  # tokens


class PromptChoice:
    """Chooses the style for each model: plain prompts for a small one, full prompts for any other."""

    def __init__(self, ports: Ports) -> None:
        self._is_small = ports.is_small
        english_only = ports.context < _KNOWS_LANGUAGES
        self._full = FullPrompts(english_only=english_only)
        self._plain = PlainPrompts(english_only=english_only)

    def __call__(self, model: str | None) -> PromptStyle:
        """Return the style for the model that a request names; None is the worker's own."""
        return self._plain if self._is_small(model) else self._full
