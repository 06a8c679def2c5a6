"""What the recipes need from outside, named by role."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from aether.domain.job import Usage
from aether.domain.report import Outline, ReportRequest, Section


class Writer(Protocol):
    """Writes the parts of a report.

    Raises TransientError where another try may help and PermanentError where it would not; counts what it spends with
    `aether.engine.metering.spend`.
    """

    async def outline(self, request: ReportRequest) -> Outline:
        """Plan a report: at least one section, exactly as many as asked for if the request says how many."""
        ...

    async def section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Write the section at this position (from 0) of the outline; its text is never empty."""
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


class ChatModel(Protocol):
    """A conversation with a language model, one call at a time."""

    async def complete(
        self, messages: Sequence[Message], *, model: str | None = None, form: Form | None = None
    ) -> Reply:
        """Return the next turn, in the given form if the server can hold a model to one; else the prompt has to.

        Raises:
            ModelOverloadedError, ModelUnreachableError, ModelFailedError, UnusableOutputError: another try may help.
            ModelRejectedKeyError, ModelRejectedRequestError, ModelRefusedError: it would not. A refusal that was paid
                for comes as a reply.
        """
        ...
