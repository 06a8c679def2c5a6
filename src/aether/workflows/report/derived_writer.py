"""Derived writer: asks a language model for what is written from the finished sections of a report."""

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import UNSET

from aether.domain.derived_section import DerivedKind, DerivedSection
from aether.domain.report_request import ReportRequest
from aether.durable.token_budget import warn
from aether.errors import UnusableOutputError
from aether.workflows.llm.conversation import Conversation, ConversationTerms
from aether.workflows.llm.markdown_cleanup import up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Message
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.llm.token_estimate import estimate_call_tokens, estimate_max_tokens
from aether.workflows.report import derived_prompts as prompts
from aether.workflows.report.derived_parser import parse_list
from aether.workflows.report.draft import Draft
from aether.workflows.report.grounding import Evidence, ground, told
from aether.workflows.report.quality.cleaning import clean_section

_TOKENS_PER_WORD = 3  # of an answer, in any language
_MIN_TOKENS = 200  # of the sections, whatever the model can read
_DEFAULT_TERMS = ConversationTerms()


class DerivedWriter:
    """Writes derived sections with any `ChatModel`; `context` is how many tokens it reads and writes in one call."""

    def __init__(self, chat: ChatModel, context: int) -> None:
        self._chat = chat
        self._context = context

    async def write(self, draft: Draft, kind: DerivedKind, terms: ConversationTerms = _DEFAULT_TERMS) -> DerivedSection:
        """Ask for a derived section, and once more if it has numbers or names that do not stand in the sections.

        What still does not stand there is removed; it may be all.
        """
        messages = await work_on_text(partial(self._messages, draft, kind), draft.characters)
        evidence = await work_on_text(partial(Evidence, list(_known_texts(draft))), draft.characters)
        written = await self._ask(draft.request, kind, messages, terms)
        if unknown := evidence.unknown(_as_text(written)):
            warn(f"It was asked for again, as these do not stand in the sections: {told(unknown)}.")
            follow_up = [Message("assistant", _as_text(written)), prompts.only_known(unknown, kind)]
            written = await self._ask(draft.request, kind, [*messages, *follow_up], terms)
        return await work_on_text(partial(ground, written, evidence), len(_as_text(written)))

    def estimate(self, draft: Draft, kind: DerivedKind) -> int:
        """Estimate the tokens that `write` takes, if nothing has to be asked for again."""
        return estimate_call_tokens(self._messages(draft, kind), prompts.words_of(draft.request, kind))

    async def _ask(
        self, request: ReportRequest, kind: DerivedKind, messages: Sequence[Message], terms: ConversationTerms
    ) -> DerivedSection:
        model = None if request.model is UNSET else request.model
        conversation = Conversation(self._chat, prompts.words_of(request, kind), model, terms)
        form, count = prompts.form_of(kind), prompts.target_of(request, kind)
        if form is not None:
            return await conversation.structured_output(
                messages, form, lambda reply: parse_list(kind, reply.text, count)
            )
        text = await conversation.text(messages)
        cleaned = await work_on_text(
            partial(clean_section, text, titles=[kind.heading], position=0, topic=request.topic), len(text)
        )
        if not cleaned.text:
            raise UnusableOutputError("it is empty")
        return DerivedSection(cleaned.text, findings=cleaned.findings)

    def _messages(self, draft: Draft, kind: DerivedKind) -> list[Message]:
        def ask(texts: Sequence[str]) -> list[Message]:
            return prompts.derived(draft.request, kind, draft.outline.headings, texts)

        without = sum(estimate_max_tokens(message.content) for message in ask([""] * len(draft.sections)))
        # A second request has the first answer before it.
        answers = 2 * _TOKENS_PER_WORD * prompts.words_of(draft.request, kind)
        return ask(cut_texts(draft.texts, max(_MIN_TOKENS, self._context - without - answers)))


def cut_texts(texts: Sequence[str], max_tokens: int) -> list[str]:
    """Cut texts at ends of sentences so that they have no more tokens together; short texts stay whole.

    What short texts leave of their shares is shared by the others.
    """
    tokens = [estimate_max_tokens(text) for text in texts]
    shares = dict.fromkeys(range(len(texts)), 0)
    left, open_shares = max_tokens, sorted(shares, key=lambda at: tokens[at])
    while open_shares:
        at, *rest = open_shares
        shares[at] = min(tokens[at], left // len(open_shares))
        left, open_shares = left - shares[at], rest
    return [_cut(text, shares[at] / max(1, tokens[at])) for at, text in enumerate(texts)]


def _cut(text: str, share: float) -> str:
    return text if share >= 1 else up_to_last_sentence(text[: int(len(text) * share)])


def _known_texts(draft: Draft) -> Iterator[str]:
    """Return everything whose numbers and names may stand in a derived section."""
    yield from draft.texts
    yield from draft.titles
    for field in ("topic", "audience", "instructions"):
        if isinstance(value := getattr(draft.request, field), str):
            yield value


def _as_text(section: DerivedSection) -> str:
    """Return all that is written, as the model's turn before a second request."""
    entries = (f"- {entry.term}: {entry.definition}" for entry in section.entries)
    return "\n".join(filter(None, [section.text, *(f"- {point}" for point in section.points), *entries]))
