"""Scripted chat: a `ChatModel` with a fixed list of replies, for tests of what is made of them."""

import re
from collections.abc import Sequence

import msgspec

from aether.domain.job import Usage
from aether.errors import AetherError
from aether.workflows.llm.ports import Form, Message, OnText, Reply, Sampling

USAGE = Usage(1, 10, 5)


class ChatCall(msgspec.Struct, frozen=True):
    """One call of the model."""

    messages: tuple[Message, ...]
    model: str | None
    form: Form | None
    streamed: bool
    sampling: Sampling | None = None

    @property
    def last_turn(self) -> str:
        return self.messages[-1].content


class ScriptedChat:
    """A `ChatModel` that gives its replies one after the other and records its calls."""

    def __init__(self, *replies: str | Reply | AetherError) -> None:
        self._replies = list(replies)
        self.calls: list[ChatCall] = []

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        sampling: Sampling | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        self.calls.append(ChatCall(tuple(messages), model, form, on_text is not None, sampling))
        next_reply = self._replies.pop(0)
        if isinstance(next_reply, AetherError):
            raise next_reply
        reply = Reply(next_reply, cut_off=False, usage=USAGE) if isinstance(next_reply, str) else next_reply
        if on_text is not None:
            for word in re.findall(r"\s*\S+|\s+$", reply.text):
                on_text(word)
        return reply


def cut_off(text: str) -> Reply:
    """Return a reply that reached the length limit."""
    return Reply(text, cut_off=True, usage=USAGE)
