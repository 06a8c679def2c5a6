"""A writer that holds conversations with a language model."""

from collections.abc import Sequence

from msgspec import UNSET

from aether.domain.report import Outline, ReportRequest, Section
from aether.engine.metering import spending
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows import prompts
from aether.workflows.outlines import parse_outline
from aether.workflows.ports import ChatModel, Form, Message, Reply
from aether.workflows.prose import continued, section_body, up_to_last_sentence

_CONTINUATIONS = 3
"""How often a text is continued that was cut off too early; then it ends with its last sentence."""
_LONG_ENOUGH = 0.8
"""The part of the wanted words with which a text that was cut off may end."""


class ModelWriter:
    """The `Writer` on any `ChatModel`."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    async def outline(self, request: ReportRequest) -> Outline:
        """Ask for an outline, and once more if the answer cannot be used."""
        count = None if request.sections is UNSET else request.sections
        messages, form = prompts.outline(request), prompts.outline_form(request)
        reply = await self._say(request, messages, form)
        try:
            return parse_outline(reply.text, count)
        except UnusableOutputError as error:
            messages += [Message("assistant", reply.text), prompts.repair(error.why)]
        reply = await self._say(request, messages, form)
        return parse_outline(reply.text, count)

    async def section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Ask for a section, on to its end, and make it fit its place."""
        text = await self._whole_text(request, prompts.section(request, outline, position))
        body = section_body(text, outline.items[position].title)
        if not body:
            raise UnusableOutputError("it is empty")
        return Section(body)

    async def _whole_text(self, request: ReportRequest, messages: Sequence[Message]) -> str:
        reply = await self._say(request, messages)
        text = reply.text
        enough = _LONG_ENOUGH * prompts.WORDS[request.length]
        for _ in range(_CONTINUATIONS):
            if not reply.cut_off or not text.strip() or _words(text) >= enough:
                break
            so_far = Message("assistant", up_to_last_sentence(text))
            reply = await self._say(request, [*messages, so_far, prompts.continuation()])
            if not reply.text.strip():
                raise UnusableOutputError("it was cut off and not continued")
            text = continued(text, reply.text)
        return up_to_last_sentence(text) if reply.cut_off else text

    async def _say(self, request: ReportRequest, messages: Sequence[Message], form: Form | None = None) -> Reply:
        model = None if request.model is UNSET else request.model
        with spending(prompts.likely_tokens(request, messages)) as meter:
            reply = await self._chat.complete(messages, model=model, form=form)
            meter.spend(reply.usage)
        if reply.refusal is not None:
            raise ModelRefusedError(reply.refusal)
        return reply


def _words(text: str) -> int:
    # Six characters to a word and the space behind it, for languages that write without spaces.
    return max(len(text.split()), len(text) // 6)
