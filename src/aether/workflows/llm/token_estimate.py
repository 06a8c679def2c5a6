"""Token estimate: how many tokens a text or a call takes, without the model's own tokenizer."""

import re
from collections.abc import Sequence

from aether.workflows.llm.ports import Message

_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f ]+")


def estimate_max_tokens(text: str) -> int:
    """Estimate high how many tokens a text has: one for three Latin letters or spaces, and one for anything else."""
    others = len(_LATIN.sub("", text))
    return others + -(-(len(text) - others) // 3)


def estimate_call_tokens(messages: Sequence[Message], words: int) -> int:
    """Estimate what a call costs: a token for four characters of prompt, four tokens for three words of answer."""
    return sum(len(message.content) for message in messages) // 4 + words * 4 // 3
