"""Report writer that asks a language model."""

from functools import partial

from msgspec import UNSET

from aether.domain.plain_text import is_blank
from aether.domain.report import Outline, ReportRequest, Section
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.ports import ChatModel
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.report import prompts
from aether.workflows.report.outline_reader import OutlineReader
from aether.workflows.report.quality.cleaning import clean_section

# Models with less context know little but English, and each further request makes their answers worse.
_KNOWS_LANGUAGES = 4_096  # tokens


def requested_model(request: ReportRequest) -> str | None:
    """Name the model that the caller asks for, if any."""
    return None if request.model is UNSET else request.model


class ModelWriter:
    """The `Writer` on any `ChatModel`; `context` is how many tokens the model reads and writes in one call."""

    def __init__(self, chat: ChatModel, context: int = 128_000) -> None:
        self._chat = chat
        self._english_only = context < _KNOWS_LANGUAGES

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Ask for an outline, and once more if the answer cannot be used or its titles are no headings."""
        count = None if request.sections is UNSET else request.sections
        messages = prompts.outline(request, english_only=self._english_only)
        reader = OutlineReader(request.topic, count, messages)
        try:
            return await self._conversation(request).structured_output(
                messages, prompts.outline_form(request), reader.read
            )
        except (UnusableOutputError, ModelRefusedError):
            if reader.best is None:
                raise
            return reader.best

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Ask for a section and make it fit its place in the report; the preview shows it before that."""
        messages = prompts.section(request, outline, position, english_only=self._english_only)
        text = await self._conversation(request).text(messages, preview=True)
        titles = [item.title for item in outline.items]
        known = "" if request.instructions is UNSET else request.instructions
        clean = partial(
            clean_section, text, titles=titles, position=position, topic=request.topic, known=f"{request.topic} {known}"
        )
        cleaned = await work_on_text(clean, len(text))
        if is_blank(cleaned.text):
            raise UnusableOutputError("it is empty")
        return Section(cleaned.text, cleaned.findings)

    def _conversation(self, request: ReportRequest) -> Conversation:
        return Conversation(self._chat, prompts.WORDS[request.length], requested_model(request))
