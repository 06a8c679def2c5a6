"""Conversation with a language model: as many calls as it takes until an answer is complete and usable."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from aether.domain.plain_text import clean, is_blank
from aether.durable.token_budget import reserve_tokens
from aether.durable.token_stream import current_token_stream
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows.llm.follow_up_prompts import continuation, repair
from aether.workflows.llm.json_repair import bounded_answer
from aether.workflows.llm.markdown_cleanup import join_continuation, up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Form, Message, OnText, Reply, Sampling
from aether.workflows.llm.preview import Preview
from aether.workflows.llm.prompt_fence import unescape
from aether.workflows.llm.text_bound import bound_text
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.llm.token_estimate import estimate_call_tokens

T = TypeVar("T")

_MAX_CONTINUATIONS = 3
_LONG_ENOUGH = 0.8
"""Share of the wanted words at which a text that was cut off may end."""
_MAX_LONGER = 20
"""How many times longer than asked a text may be; what follows is not read."""
_CHARS_PER_WORD = 7
_MIN_BOUND = 20_000
"""Characters that a text may have in any case, since some languages write many words without a space."""
_LINES_PER_WORD, _MIN_LINES = 4, 1_000
"""Lines that a text may have; each one takes time, however short it is."""
_TOO_LONG = f"it is more than {_MAX_LONGER} times longer than asked"
_MAX_ANSWER = 128_000
"""Characters that are read of an answer in a form."""

log = structlog.get_logger()


class ConversationTerms(msgspec.Struct, frozen=True):
    """How a conversation is held.

    Attributes:
        sampling: how the answers are sampled.
        continues: whether a text that was cut off is continued.
        warning: what the record of the job should tell about the answers, if anything.
    """

    sampling: Sampling | None = None
    continues: bool = True
    warning: str | None = None


_DEFAULT_TERMS = ConversationTerms()


class Conversation:
    """Asks a `ChatModel` for answers of about so many words, and undoes the prompt's escapes in them.

    Answers are bounded. Texts come without control characters other than line feeds and tabs.
    """

    def __init__(
        self, chat: ChatModel, words: int, model: str | None = None, terms: ConversationTerms = _DEFAULT_TERMS
    ) -> None:
        self._chat = chat
        self._words = words
        self._max_text = max(_MIN_BOUND, words * _CHARS_PER_WORD * _MAX_LONGER)
        self._max_lines = max(_MIN_LINES, words * _LINES_PER_WORD)
        self._model = model
        self._terms = terms

    async def text(self, messages: Sequence[Message], *, preview: bool = False, whole: bool = False) -> str:
        """Ask for a text, and for the rest of it when it was cut off.

        By default a text that is long enough, was continued three times or is far longer than asked, ends with
        its last complete sentence.

        Args:
            messages: the prompt.
            preview: stream the replies to whoever watches the step, one after the other and as the model writes them.
            whole: lose no sentence; the text ends only where the model ends it.

        Raises:
            UnusableOutputError: a continuation is empty; or a `whole` text is empty, is far longer than asked, or
                has no end after three continuations.
        """
        reply = await self._ask_for_text(messages, preview=preview, whole=whole)
        text = reply.text
        for _ in range(_MAX_CONTINUATIONS if self._terms.continues else 0):
            if not reply.cut_off or is_blank(text) or (self._is_long_enough(text) and not whole):
                break
            so_far = await work_on_text(partial(up_to_last_sentence, text), len(text))
            follow_up = [Message("assistant", so_far), continuation(whole=whole)]
            reply = await self._ask_for_text([*messages, *follow_up], preview=preview, whole=whole)
            if is_blank(reply.text):
                raise UnusableOutputError("it was cut off and not continued")
            text = await work_on_text(partial(join_continuation, text, reply.text), len(text) + len(reply.text))
        if whole and reply.cut_off:
            raise UnusableOutputError("it was cut off before its end")
        if whole and is_blank(text):
            raise UnusableOutputError("it is empty")
        finish = partial(self._finish, text, messages, cut_off=reply.cut_off, whole=whole)
        return await work_on_text(finish, len(text))

    async def structured_output(
        self, messages: Sequence[Message], form: Form, read: Callable[[Reply], T], compared_with: int = 0
    ) -> T:
        """Ask for an answer in a form and read it; ask once more if `read` raises UnusableOutputError.

        JSON is to be repaired; lines, which a small model is asked for, are asked for anew.
        An empty answer raises it at once, and so does the second of two that `read` refuses.
        `read` is called in another thread if the answer is long, or the text that it is `compared_with`.
        """
        reply = await _bounded_answer(await self._ask(messages, form))
        if is_blank(reply.text):
            # Servers reject an empty turn, and there is nothing in it to repair.
            raise UnusableOutputError("it is empty")
        try:
            return await _read(reply, messages, read, compared_with)
        except UnusableOutputError as error:
            mending = [Message("assistant", reply.text), repair(error.why, form.example)]
            follow_up = mending if form.is_json else []
        reply = await _bounded_answer(await self._ask([*messages, *follow_up], form))
        return await _read(reply, messages, read, compared_with)

    async def _ask_for_text(self, messages: Sequence[Message], *, preview: bool, whole: bool) -> Reply:
        with bound_text(self._max_text + 1):  # one more tells that there is more
            reply = await (self._ask_streaming(messages) if preview else self._ask(messages))
        if len(reply.text) <= self._max_text:
            return reply
        if whole:
            raise UnusableOutputError(_TOO_LONG)
        _log_cut(reply.text, self._max_text)
        return replace(reply, text=reply.text[: self._max_text], cut_off=True)

    def _finish(self, text: str, messages: Sequence[Message], *, cut_off: bool, whole: bool) -> str:
        text = clean(unescape(text, _contents(messages)))
        lines = text.split("\n", self._max_lines)
        if len(lines) > self._max_lines:
            if whole:
                raise UnusableOutputError(_TOO_LONG)
            _log_cut(text, len(text) - len(lines[-1]))
            text, cut_off = "\n".join(lines[:-1]), True
        return up_to_last_sentence(text) if cut_off else text

    def _is_long_enough(self, text: str) -> bool:
        # Six characters to a word and the space behind it, for languages that write without spaces.
        words = max(len(text.split()), len(text) // 6)
        return words >= _LONG_ENOUGH * self._words

    async def _ask_streaming(self, messages: Sequence[Message]) -> Reply:
        stream = current_token_stream()
        listener = stream.publisher()
        preview = Preview(_contents(messages), self._max_text, listener or stream.skip)
        reply = await self._ask(messages, on_text=listener and preview.feed)
        if listener is None:
            await work_on_text(partial(preview.feed, reply.text), len(reply.text))
        preview.end()
        return reply

    async def _ask(self, messages: Sequence[Message], form: Form | None = None, on_text: OnText | None = None) -> Reply:
        estimate = estimate_call_tokens(messages, self._words)
        with reserve_tokens(estimate) as meter:
            reply = await self._chat.complete(
                messages, model=self._model, form=form, sampling=self._terms.sampling, on_text=on_text
            )
            meter.spend(reply.usage, estimate)
            for warning in filter(None, (self._terms.warning, reply.warning)):
                meter.warn(warning)
        if reply.refusal is not None:
            raise ModelRefusedError(reply.refusal)
        if reply.defect is not None:
            raise UnusableOutputError(reply.defect)
        return reply


async def _bounded_answer(reply: Reply) -> Reply:
    if len(reply.text) <= _MAX_ANSWER:
        return reply
    text = await work_on_text(partial(bounded_answer, reply.text, _MAX_ANSWER), len(reply.text))
    _log_cut(reply.text, len(text))
    return replace(reply, text=text)


def _log_cut(text: str, kept: int) -> None:
    log.warning("reply.too_long", characters=len(text), kept=kept)


async def _read(reply: Reply, messages: Sequence[Message], read: Callable[[Reply], T], compared_with: int) -> T:
    def unescape_and_read() -> T:
        return read(replace(reply, text=unescape(reply.text, _contents(messages))))

    return await work_on_text(unescape_and_read, len(reply.text) + compared_with)


def _contents(messages: Sequence[Message]) -> Iterator[str]:
    return (message.content for message in messages)
