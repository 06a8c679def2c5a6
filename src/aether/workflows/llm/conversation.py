"""Conversation with a language model: as many calls as it takes until an answer is complete and usable."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from aether.durable.token_budget import reserve_tokens
from aether.durable.token_stream import current_token_stream
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows.llm.follow_up_prompts import continuation, repair
from aether.workflows.llm.markdown_cleanup import join_continuation, up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Form, Message, OnText, Reply
from aether.workflows.llm.prompt_fence import unescape
from aether.workflows.llm.token_estimate import estimate_call_tokens

T = TypeVar("T")

_MAX_CONTINUATIONS = 3
_LONG_ENOUGH = 0.8
"""Share of the wanted words at which a text that was cut off may end."""


class Conversation:
    """Asks a `ChatModel` for answers of about so many words, and undoes the prompt's escapes in them."""

    def __init__(self, chat: ChatModel, words: int, model: str | None = None) -> None:
        self._chat = chat
        self._words = words
        self._model = model

    async def text(self, messages: Sequence[Message], *, preview: bool = False, whole: bool = False) -> str:
        """Ask for a text, and for the rest of it when it was cut off.

        By default a text that is long enough, or was continued three times, ends with its last complete sentence.

        Args:
            messages: the prompt.
            preview: stream the replies to whoever watches the step, one after the other and as the model writes them.
            whole: lose no sentence; the text ends only where the model ends it.

        Raises:
            UnusableOutputError: a continuation is empty; or a `whole` text is empty, or has no end after three
                continuations.
        """
        ask = self._ask_streaming if preview else self._ask
        reply = await ask(messages)
        text = reply.text
        for _ in range(_MAX_CONTINUATIONS):
            if not reply.cut_off or not text.strip() or (self._is_long_enough(text) and not whole):
                break
            so_far = Message("assistant", up_to_last_sentence(text))
            reply = await ask([*messages, so_far, continuation(whole=whole)])
            if not reply.text.strip():
                raise UnusableOutputError("it was cut off and not continued")
            text = join_continuation(text, reply.text)
        if whole and reply.cut_off:
            raise UnusableOutputError("it was cut off before its end")
        if whole and not text.strip():
            raise UnusableOutputError("it is empty")
        return _unescape(up_to_last_sentence(text) if reply.cut_off else text, messages)

    async def structured_output(self, messages: Sequence[Message], form: Form, read: Callable[[Reply], T]) -> T:
        """Ask for an answer in a form and read it; ask once more if `read` raises UnusableOutputError."""
        reply = await self._ask(messages, form)
        try:
            return read(_unescape_reply(reply, messages))
        except UnusableOutputError as error:
            follow_up = [Message("assistant", reply.text), repair(error.why, form.example)]
        return read(_unescape_reply(await self._ask([*messages, *follow_up], form), messages))

    def _is_long_enough(self, text: str) -> bool:
        # Six characters to a word and the space behind it, for languages that write without spaces.
        words = max(len(text.split()), len(text) // 6)
        return words >= _LONG_ENOUGH * self._words

    async def _ask_streaming(self, messages: Sequence[Message]) -> Reply:
        stream = current_token_stream()
        listener = stream.publisher()
        reply = await self._ask(messages, on_text=listener)
        if listener is None:
            stream.skip(reply.text)
        return reply

    async def _ask(self, messages: Sequence[Message], form: Form | None = None, on_text: OnText | None = None) -> Reply:
        estimate = estimate_call_tokens(messages, self._words)
        with reserve_tokens(estimate) as meter:
            reply = await self._chat.complete(messages, model=self._model, form=form, on_text=on_text)
            meter.spend(reply.usage, estimate)
        if reply.refusal is not None:
            raise ModelRefusedError(reply.refusal)
        return reply


def _unescape(text: str, messages: Sequence[Message]) -> str:
    return unescape(text, (message.content for message in messages))


def _unescape_reply(reply: Reply, messages: Sequence[Message]) -> Reply:
    return replace(reply, text=_unescape(reply.text, messages))
