"""Cut prompt: finds out from the usage whether a server has read only a part of a prompt.

Some servers cut a prompt that does not fit their context, without a word. The answer then ignores what was cut.
"""

import re
from collections.abc import Sequence

from aether.domain.job import Usage
from aether.workflows.llm.ports import Message

_CHARS_PER_TOKEN = 8
"""No tokenizer reads more characters of prose as one token, on average."""

_MIN_CHARS = 1_000
_MIN_CONTEXT = 64
"""No server has a smaller context: a server that reports fewer tokens counts something else, or makes the number up."""

_REPETITION = re.compile(r"(\S)\1{3,}|\s+")


def describe_cut(messages: Sequence[Message], usage: Usage) -> str | None:
    """Describe how much of a prompt was read, if far too few tokens were counted for it; otherwise None."""
    tokens = usage.input_tokens
    chars = sum(len(message.content) for message in messages)
    if tokens < _MIN_CONTEXT or chars < _MIN_CHARS or tokens * _CHARS_PER_TOKEN >= chars:
        return None
    # Repeated characters are long tokens.
    chars = sum(len(_REPETITION.sub(" ", message.content)) for message in messages)
    if tokens * _CHARS_PER_TOKEN >= chars:
        return None
    return (
        f"The model server read only {tokens} tokens of a prompt of about {chars // 4}, so the answer may ignore parts "
        "of the task. Give the server a larger context, or set AETHER_MODEL_CONTEXT to the one that it has."
    )
