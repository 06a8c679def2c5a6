"""A model that talks by the book, for tests of what is made of its words."""

import re
from collections.abc import Sequence

import msgspec

from aether.domain.job import Usage
from aether.errors import AetherError
from aether.workflows.llm.ports import Form, Message, OnText, Reply

SPENT = Usage(1, 10, 5)


class Asked(msgspec.Struct, frozen=True):
    """One call, as the model saw it."""

    messages: tuple[Message, ...]
    model: str | None
    form: Form | None

    @property
    def order(self) -> str:
        """The last turn."""
        return self.messages[-1].content


class ScriptedChat:
    """A `ChatModel` that says what it is told to, turn by turn, and remembers what it was asked, and if aloud."""

    def __init__(self, *turns: str | Reply | AetherError) -> None:
        self._turns = list(turns)
        self.asked: list[Asked] = []
        self.aloud: list[bool] = []

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        form: Form | None = None,
        on_text: OnText | None = None,
    ) -> Reply:
        self.asked.append(Asked(tuple(messages), model, form))
        self.aloud.append(on_text is not None)
        turn = self._turns.pop(0)
        if isinstance(turn, AetherError):
            raise turn
        reply = Reply(turn, cut_off=False, usage=SPENT) if isinstance(turn, str) else turn
        if on_text is not None:
            for word in re.findall(r"\s*\S+|\s+$", reply.text):
                on_text(word)
        return reply


def cut(text: str) -> Reply:
    return Reply(text, cut_off=True, usage=SPENT)
