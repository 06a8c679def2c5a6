"""Talking with a language model until it has said what is needed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aether.durable.token_budget import reserve_tokens
from aether.durable.token_stream import current_token_stream
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows.llm.markdown_cleanup import continued, up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Form, Message, OnText, Reply
from aether.workflows.report import prompts

T = TypeVar("T")

_CONTINUATIONS = 3
"""How often a text is continued that was cut off too early; then it ends with its last sentence."""
_LONG_ENOUGH = 0.8
"""The part of the wanted words with which a text that was cut off may end."""


class Conversation:
    """Asks a `ChatModel` for answers of about so many words, in as many calls as each of them takes."""

    def __init__(self, chat: ChatModel, words: int, model: str | None = None) -> None:
        self._chat = chat
        self._words = words
        self._model = model

    async def text(self, messages: Sequence[Message], *, preview: bool = False) -> str:
        """Ask for a text, and on to its end if it was cut off.

        A `preview` of it is told as it comes, if anybody watches: all turns as they are, one behind the other.
        """
        say = self._say_aloud if preview else self._say
        reply = await say(messages)
        text = reply.text
        for _ in range(_CONTINUATIONS):
            if not reply.cut_off or not text.strip() or _count(text) >= _LONG_ENOUGH * self._words:
                break
            so_far = Message("assistant", up_to_last_sentence(text))
            reply = await say([*messages, so_far, prompts.continuation()])
            if not reply.text.strip():
                raise UnusableOutputError("it was cut off and not continued")
            text = continued(text, reply.text)
        return up_to_last_sentence(text) if reply.cut_off else text

    async def formed(
        self,
        messages: Sequence[Message],
        form: Form,
        read: Callable[[Reply], T],
        repair: Callable[[str], Message],
    ) -> T:
        """Ask for an answer in a form, and once more if it cannot be read; `repair` asks so, given what was wrong."""
        reply = await self._say(messages, form)
        try:
            return read(reply)
        except UnusableOutputError as error:
            more = [Message("assistant", reply.text), repair(error.why)]
        return read(await self._say([*messages, *more], form))

    async def _say_aloud(self, messages: Sequence[Message]) -> Reply:
        preview = current_token_stream()
        listener = preview.publisher()
        reply = await self._say(messages, on_text=listener)
        if listener is None:
            preview.skip(reply.text)
        return reply

    async def _say(self, messages: Sequence[Message], form: Form | None = None, on_text: OnText | None = None) -> Reply:
        likely = prompts.likely_tokens(messages, self._words)
        with reserve_tokens(likely) as meter:
            reply = await self._chat.complete(messages, model=self._model, form=form, on_text=on_text)
            meter.spend(reply.usage, likely)
        if reply.refusal is not None:
            raise ModelRefusedError(reply.refusal)
        return reply


def _count(text: str) -> int:
    # Six characters to a word and the space behind it, for languages that write without spaces.
    return max(len(text.split()), len(text) // 6)
