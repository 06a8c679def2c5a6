"""What the recipes need from outside, named by role."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from aether.domain.checklist import Checklist, Summary
from aether.domain.image import GenerationRequest
from aether.domain.job import Usage
from aether.domain.report import Outline, ReportRequest, Section


class Writer(Protocol):
    """Writes the parts of a report.

    Raises TransientError where another try may help and PermanentError where it would not; counts what it spends with
    `aether.durable.token_budget.reserve_tokens`.
    """

    async def outline(self, request: ReportRequest) -> Outline:
        """Plan a report: at least one section, exactly as many as asked for if the request says how many."""
        ...

    async def section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Write the section at this position (from 0) of the outline; its text is never empty."""
        ...


class Illustrator(Protocol):
    """Makes images.

    Raises TransientError where another try may help and PermanentError where it would not; counts what it spends with
    `aether.durable.token_budget.reserve_tokens`.
    """

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        """Make the image at this position (from 0) of those asked for; that it is one is for the caller to check."""
        ...


class Editor(Protocol):
    """Condenses guidelines; raises and counts as a `Writer` does."""

    def parts(self, text: str) -> Sequence[str]:
        """Cut a text into as few parts as can be read at a time: in order, with nothing left out.

        As many parts are always the same parts.
        """
        ...

    async def summary(self, text: str) -> Summary:
        """Summarise a guideline, or one part of it; never empty."""
        ...

    async def merged(self, summaries: Sequence[Summary]) -> Summary:
        """Make one summary of those of all parts, however many."""
        ...

    async def checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        """List what a guideline, or one part of it, requires, given the summary of the whole.

        Every quote stands in `text`. There is at least one item, unless the list `may_be_empty`.
        """
        ...


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Form(msgspec.Struct, frozen=True):
    """The JSON an answer must have: a name for it and its JSON Schema."""

    name: str
    schema: dict[str, Any]  # JSON Schema is JSON of any shape


class Reply(msgspec.Struct, frozen=True):
    """What a model answered: `cut_off` if it ran into its length limit, `refusal` why it would not answer."""

    text: str
    cut_off: bool
    usage: Usage
    refusal: str | None = None


OnText = Callable[[str], object]
"""Is told a text in pieces, in order, as they are written."""


class ChatModel(Protocol):
    """A conversation with a language model, one call at a time."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Return the next turn, in the given form if the server can hold a model to one; else the prompt has to.

        Of a turn without a form `on_text` is told the reply's text; of one that fails, what came before.

        Raises:
            ModelOverloadedError, ModelUnreachableError, ModelFailedError, UnusableOutputError: another try may help.
            ModelRejectedKeyError, ModelRejectedRequestError, ModelRefusedError: it would not. A refusal that was paid
                for comes as a reply.
        """
        ...
