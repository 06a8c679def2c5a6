"""Report writer that asks a language model."""

from msgspec import UNSET

from aether.domain.report import Outline, ReportRequest, Section
from aether.errors import UnusableOutputError
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.markdown_cleanup import section_body
from aether.workflows.llm.ports import ChatModel
from aether.workflows.report import prompts
from aether.workflows.report.outline_parser import parse_outline


class ModelWriter:
    """The `Writer` on any `ChatModel`."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Ask for an outline, and once more if the answer cannot be used."""
        count = None if request.sections is UNSET else request.sections
        return await self._conversation(request).structured_output(
            prompts.outline(request), prompts.outline_form(request), lambda reply: parse_outline(reply.text, count)
        )

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Ask for a section and make it fit its place in the report; the preview shows it before that."""
        messages = prompts.section(request, outline, position)
        text = await self._conversation(request).text(messages, preview=True)
        body = section_body(text, outline.items[position].title)
        if not body:
            raise UnusableOutputError("it is empty")
        return Section(body)

    def _conversation(self, request: ReportRequest) -> Conversation:
        model = None if request.model is UNSET else request.model
        return Conversation(self._chat, prompts.WORDS[request.length], model)
