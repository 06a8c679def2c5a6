"""An editor that holds conversations with a language model."""

from collections.abc import Sequence
from functools import partial

from aether.domain.checklist import Checklist, Summary
from aether.errors import UnusableOutputError
from aether.workflows.checklist import prompts
from aether.workflows.checklist.parser import parse_checklist
from aether.workflows.llm.chunking import most_tokens, parts_that, split
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.markdown_cleanup import section_body, up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Message, Reply
from aether.workflows.llm.quotes import Source
from aether.workflows.report.prompts import fenced, repair

# Beside what it is told a model needs room for a text, an answer as long as it, another one if the first must be
# repaired, and a summary half as long, so that any two summaries can be merged.
_TEXTS = 3.5
# A model with less room copies badly, and is given the quotes to choose from. Where such models run a schema costs
# nothing; OpenAI prepares each new one for seconds, counts it as input, and bounds how much there is to choose from.
_COPIES_WELL = 16_384  # tokens
_SHORT = 500  # characters; what is said about so few goes on for ever if it is cut off


class _CutOffError(Exception):
    """The answer is too long; half of the text has half of it."""


class ModelEditor:
    """The `Editor` on any `ChatModel` that has room for so many tokens."""

    def __init__(self, chat: ChatModel, context: int) -> None:
        self._summaries = Conversation(chat, prompts.SUMMARY_WORDS)
        self._checklists = Conversation(chat, prompts.CHECKLIST_WORDS)
        told = sum(most_tokens(message.content) for message in prompts.checklist("", Summary("")))
        self._most_text = int((context - told) / _TEXTS)
        self._most_summary = self._most_text // 2
        self._copies_well = context >= _COPIES_WELL

    def parts(self, text: str) -> tuple[str, ...]:
        """Cut a text by how many tokens it may have at most."""
        return parts_that(self._is_readable, text)

    async def summary(self, text: str) -> Summary:
        """Ask for a summary, on to its end."""
        return await self._summarised(prompts.summary(text))

    async def merged(self, summaries: Sequence[Summary]) -> Summary:
        """Ask for a summary of summaries, in rounds if they are too many to be read at a time."""
        joined = "\n\n".join(summary.text for summary in summaries)
        parts = self.parts(joined)
        merged = [await self._summarised(prompts.merged_summary(part)) for part in parts]
        return merged[0] if len(merged) == 1 else await self.merged(merged)

    async def checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        """Ask for a checklist, once more if the answer cannot be used, and by halves if it is too long for one."""
        source = Source(text)
        form = prompts.checklist_form(() if self._copies_well else source.passages)
        read = partial(_read, text=text, source=source, may_be_empty=may_be_empty)
        try:
            return await self._checklists.formed(prompts.checklist(text, summary), form, read, _repair)
        except _CutOffError:
            halves = [await self.checklist(half, summary, may_be_empty=True) for half in split(text, 2)]
        checklist = Checklist.of(item for half in halves for item in half.items)
        if not checklist.items and not may_be_empty:
            raise UnusableOutputError("it has no item that rests on the guideline")
        return checklist

    async def _summarised(self, messages: Sequence[Message]) -> Summary:
        text = section_body(await self._summaries.text(messages), "Summary")
        if not text:
            raise UnusableOutputError("it is empty")
        while most_tokens(fenced("summaries", text)) > self._most_summary:
            text = up_to_last_sentence(text[: len(text) * 9 // 10])
        return Summary(text)

    def _is_readable(self, part: str) -> bool:
        return most_tokens(fenced("guideline", part)) <= self._most_text


def _read(reply: Reply, *, text: str, source: Source, may_be_empty: bool) -> Checklist:
    if reply.cut_off and len(text) > _SHORT:
        raise _CutOffError
    return parse_checklist(reply.text, source, may_be_empty=may_be_empty)


def _repair(problem: str) -> Message:
    return repair(problem, prompts.FORM)
