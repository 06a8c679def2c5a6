"""Prompt style: how a model is asked for the parts of a report."""

from typing import Literal, Protocol

from aether.domain.report import Outline
from aether.domain.report_request import Length, ReportRequest
from aether.workflows.llm.ports import Form, Message, Sampling

WORDS = {Length.BRIEF: 120, Length.STANDARD: 250, Length.DETAILED: 600}
"""About how many words a section is to have."""

Call = Literal["outline", "section", "rewrite"]


class PromptStyle(Protocol):
    """How a model is asked: prompts as pure functions, and how it samples its answers.

    `continues` tells whether a model can go on with a text that was cut off; otherwise the text ends with its last
    complete sentence. `english_only` tells that no language is asked of it, as it knows no other.
    """

    continues: bool
    english_only: bool

    def outline(self, request: ReportRequest) -> list[Message]:
        """Ask for an outline."""
        ...

    def outline_form(self, request: ReportRequest) -> Form:
        """Describe the answer to `outline`."""
        ...

    def choose(self, found: Outline, request: ReportRequest) -> Outline:
        """Return the sections to use of those that the model has named."""
        ...

    def section(self, request: ReportRequest, plan: Outline, position: int) -> list[Message]:
        """Ask for the text of one section."""
        ...

    def finish(self, text: str) -> str:
        """Return a section's text as it is used."""
        ...

    def rewrite(self, request: ReportRequest, plan: Outline, position: int, text: str, faults: str) -> list[Message]:
        """Ask for a section anew, given its text and what is wrong with it, in sentences."""
        ...

    def sampling(self, call: Call, request: ReportRequest) -> Sampling | None:
        """Return how the answer is sampled; None leaves it to the server and the operator."""
        ...
