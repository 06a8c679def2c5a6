"""Report writer that asks a language model."""

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import UNSET

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.plain_text import is_blank
from aether.domain.report import Outline, Section
from aether.domain.report_request import FreeSections, ReportRequest
from aether.errors import ModelRefusedError, UnusableOutputError
from aether.workflows.llm.conversation import Conversation, ConversationTerms
from aether.workflows.llm.ports import ChatModel, Message
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.llm.token_estimate import estimate_call_tokens
from aether.workflows.report.derived_writer import DerivedWriter
from aether.workflows.report.draft import Draft
from aether.workflows.report.outline_parser import without_planned
from aether.workflows.report.outline_reader import OutlineReader
from aether.workflows.report.prompts.full import FullPrompts
from aether.workflows.report.prompts.language import ENGLISH_ONLY, is_not_english
from aether.workflows.report.prompts.style import WORDS, Call, PromptStyle
from aether.workflows.report.quality.cleaning import clean_section
from aether.workflows.report.quality.words import count_words


def requested_model(request: ReportRequest) -> str | None:
    """Name the model that the caller asks for, if any."""
    return None if request.model is UNSET else request.model


class ModelWriter:
    """The `Writer` on any `ChatModel`; `style_of` returns how a model is asked, of which it gets the name, if any."""

    def __init__(
        self,
        chat: ChatModel,
        style_of: Callable[[str | None], PromptStyle] = lambda _: FullPrompts(),
        context: int = 128_000,
    ) -> None:
        self._chat = chat
        self._derived = DerivedWriter(chat, context)
        self._style_of = style_of

    async def write_outline(self, request: ReportRequest) -> Outline:
        """Ask for an outline, and once more if the answer cannot be used or its titles are no headings.

        If the caller has planned some of the sections, only those that are added are asked for.
        """
        style, plan = self._style(request), request.planned

        def choose(found: Outline) -> Outline:
            return style.choose(without_planned(found, plan) if plan else found, request)

        messages = style.outline(request)
        reader = OutlineReader(request.topic, _wanted(request), messages, choose)
        conversation = self._conversation(request, style, "outline", _language_warning(request, style))
        try:
            outline = await conversation.structured_output(messages, style.outline_form(request), reader.read)
        except (UnusableOutputError, ModelRefusedError):
            if reader.best is None:
                raise
            outline = reader.best
        return plan.outline_with(outline.items) if plan else outline

    async def write_section(self, request: ReportRequest, outline: Outline, position: int) -> Section:
        """Ask for a section and make it fit its place in the report; the preview shows it before that."""
        style = self._style(request)
        messages = style.section(request, outline, position)
        is_first_call = position == 0 and request.outline is not UNSET
        warning = _language_warning(request, style) if is_first_call else None
        text = await self._conversation(request, style, "section", warning).text(messages, preview=True)
        return await _section(style, request, outline, position, text)

    async def rewrite_section(self, draft: Draft, position: int, faults: Sequence[str]) -> Section:
        """Ask for a section again; there is no preview, since the old text may turn out to be the better one."""
        request = draft.request_for(position)
        style = self._style(request)
        messages = self._rewrite_messages(draft, position, faults)
        text = await self._conversation(request, style, "rewrite").text(messages)
        return await _section(style, request, draft.outline, position, text)

    def estimate_rewrite(self, draft: Draft, position: int, faults: Sequence[str]) -> int:
        """Estimate the tokens of the prompt and of the answer."""
        return estimate_call_tokens(self._rewrite_messages(draft, position, faults), draft.words[position])

    async def derive(self, draft: Draft, kind: DerivedKind) -> DerivedSection:
        """Ask for a derived section."""
        style = self._style(draft.request)
        return await self._derived.write(draft, kind, _terms(draft.request, style, "section"))

    def estimate_derivation(self, draft: Draft, kind: DerivedKind) -> int:
        """Estimate the tokens of the prompt and of the answer."""
        return self._derived.estimate(draft, kind)

    def _rewrite_messages(self, draft: Draft, position: int, faults: Sequence[str]) -> list[Message]:
        text, request = draft.sections[position].text, draft.request_for(position)
        return self._style(request).rewrite(request, draft.outline, position, text, "\n".join(faults))

    def _style(self, request: ReportRequest) -> PromptStyle:
        return self._style_of(requested_model(request))

    def _conversation(
        self, request: ReportRequest, style: PromptStyle, call: Call, warning: str | None = None
    ) -> Conversation:
        terms = _terms(request, style, call, warning)
        return Conversation(self._chat, WORDS[request.length], requested_model(request), terms)


def _terms(request: ReportRequest, style: PromptStyle, call: Call, warning: str | None = None) -> ConversationTerms:
    return ConversationTerms(style.sampling(call, request), style.continues, warning)


def _language_warning(request: ReportRequest, style: PromptStyle) -> str | None:
    language = None if request.language is UNSET else request.language
    return ENGLISH_ONLY if style.english_only and is_not_english(request.topic, language) else None


def _wanted(request: ReportRequest) -> int | FreeSections | None:
    """Return how many sections are asked for; None if the model decides."""
    if request.planned and request.planned.free:
        return request.planned.free
    return None if request.sections is UNSET else request.sections


async def _section(style: PromptStyle, request: ReportRequest, outline: Outline, position: int, text: str) -> Section:
    """Return the text as it fits its place in the report.

    Raises:
        UnusableOutputError: nothing is left of it.
    """
    section = await work_on_text(partial(_clean, style, request, outline, position, text), len(text))
    if is_blank(section.text):
        raise UnusableOutputError("it is empty")
    return section


def _clean(style: PromptStyle, request: ReportRequest, outline: Outline, position: int, text: str) -> Section:
    titles = [item.title for item in outline.items]
    known = "" if request.instructions is UNSET else request.instructions
    cleaned = clean_section(
        text, titles=titles, position=position, topic=request.topic, known=f"{request.topic} {known}"
    )
    body = style.finish(cleaned.text)
    return Section(body, cleaned.findings, count_words(body))
