"""Ports to models: a language model to talk with, and an illustrator that makes images."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from aether.domain.image import GenerationRequest
from aether.domain.job import Usage


class Illustrator(Protocol):
    """Makes images.

    Raises TransientError where another attempt may help and PermanentError where it would not; counts the tokens it
    spends with `aether.durable.token_budget.reserve_tokens`.
    """

    async def image(self, request: GenerationRequest, position: int) -> bytes:
        """Make the image at this position (from 0); the caller checks that the bytes are an image."""
        ...


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class Form(msgspec.Struct, frozen=True):
    """The form an answer must have: a name, a JSON Schema for the server, and an `example` for the prompt.

    An answer that is not JSON is lines, of which the server is told nothing.
    """

    name: str
    schema: dict[str, Any] = {}  # JSON Schema is JSON of any shape
    example: str = ""
    is_json: bool = True


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the tokens of one answer are chosen; what is None is left to the server and the operator.

    Some fields are known to all servers, the others only to that of llama.cpp: `dry_*` penalise the repetition of whole
    phrases, `logit_bias` makes tokens more or less likely, and `grammar` (in GBNF) allows no others.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None
    dry_multiplier: float | None = None
    dry_allowed_length: int | None = None
    dry_penalty_last_n: int | None = None
    dry_sequence_breakers: tuple[str, ...] | None = None
    logit_bias: tuple[tuple[str, float], ...] | None = None
    grammar: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """A model's answer, which was paid for.

    `cut_off` tells that it reached the length limit, `refusal` why the model declined, `defect` why the answer cannot
    be used, and `warning` what the caller should know about an answer that can.
    """

    text: str
    cut_off: bool
    usage: Usage
    refusal: str | None = None
    defect: str | None = None
    warning: str | None = None


STANDARD_SAMPLING = frozenset({"temperature", "top_p", "max_tokens"})
"""The fields of `Sampling` that all servers know."""

OnText = Callable[[str], object]
"""Receives the pieces of a text, in order, as the model writes them."""


class ChatModel(Protocol):
    """A conversation with a language model, one call at a time."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        sampling: Sampling | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        """Return the next turn; a server that cannot hold the model to the form leaves that to the prompt.

        A server gets no field of `sampling` that it does not know, nor one that the operator has set.

        `on_text` receives the text of a turn without a form; if the call fails, the pieces that came before.

        Raises:
            ModelOverloadedError, ModelUnreachableError, ModelFailedError, UnusableOutputError: another attempt may
                help.
            ModelRejectedKeyError, ModelRejectedRequestError, ModelRefusedError: it would not. A refusal that was paid
                for is a reply.
        """
        ...
