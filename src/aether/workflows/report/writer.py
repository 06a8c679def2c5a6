"""Report writer that asks a language model."""

from collections.abc import Callable
from functools import partial

from msgspec import UNSET

from aether.domain.plain_text import is_blank
from aether.domain.report import Outline, ReportRequest, Section
from aether.errors import UnusableOutputError
from aether.workflows.llm.conversation import Conversation, ConversationTerms
from aether.workflows.llm.markdown_cleanup import section_body
from aether.workflows.llm.ports import ChatModel
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.report.outline_parser import find_outline, first_sections
from aether.workflows.report.prompts.full import FullPrompts
from aether.workflows.report.prompts.language import ENGLISH_ONLY, is_not_english
from aether.workflows.report.prompts.style import WORDS, Call, PromptStyle


def requested_model(request: ReportRequest) -> str | None:
    """Name the model that the caller asks for, if any."""
    return None if request.model is UNSET else request.model


class ModelWriter:
    """The `Writer` on any `ChatModel`; `style_of` returns how a model is asked, of which it gets the name, if any."""

    def __init__(
        self, chat: ChatModel, style_of: Callable[[str | None], PromptStyle] = lambda _: FullPrompts()
    ) -> None:
        self._chat = chat
        self._style_of = style_of

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Ask for an outline, and once more if the answer cannot be used."""
        count = None if request.sections is UNSET else request.sections
        style = self._style(request)
        conversation = self._conversation(request, style, "outline", _language_warning(request, style))
        return await conversation.structured_output(
            style.outline(request),
            style.outline_form(request),
            lambda reply: first_sections(style.choose(find_outline(reply.text, count), request), count),
        )

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Ask for a section and make it fit its place in the report; the preview shows it before that."""
        style = self._style(request)
        messages = style.section(request, outline, position)
        is_first_call = position == 0 and request.outline is not UNSET
        warning = _language_warning(request, style) if is_first_call else None
        text = await self._conversation(request, style, "section", warning).text(messages, preview=True)
        titles = [item.title for item in outline.items]
        title = titles.pop(position)
        finish = partial(section_body, text, title, request.topic, titles)
        body = await work_on_text(lambda: style.finish(finish()), len(text))
        if is_blank(body):
            raise UnusableOutputError("it is empty")
        return Section(body)

    def _style(self, request: ReportRequest) -> PromptStyle:
        return self._style_of(requested_model(request))

    def _conversation(
        self, request: ReportRequest, style: PromptStyle, call: Call, warning: str | None = None
    ) -> Conversation:
        terms = ConversationTerms(style.sampling(call, request), style.continues, warning)
        return Conversation(self._chat, WORDS[request.length], requested_model(request), terms)


def _language_warning(request: ReportRequest, style: PromptStyle) -> str | None:
    language = None if request.language is UNSET else request.language
    return ENGLISH_ONLY if style.english_only and is_not_english(request.topic, language) else None
