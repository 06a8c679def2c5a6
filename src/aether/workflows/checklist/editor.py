"""Checklist editor that asks a language model."""

from collections.abc import Sequence
from functools import partial

from aether.domain.checklist import Checklist, Summary
from aether.domain.plain_text import is_blank
from aether.errors import UnusableOutputError
from aether.workflows.checklist import prompts
from aether.workflows.checklist.parser import parse_checklist
from aether.workflows.llm.chunking import split, split_to_fit
from aether.workflows.llm.conversation import Conversation
from aether.workflows.llm.markdown_cleanup import section_body, up_to_last_sentence
from aether.workflows.llm.ports import ChatModel, Message, Reply
from aether.workflows.llm.prompt_fence import fence
from aether.workflows.llm.quotes import Source
from aether.workflows.llm.text_thread import work_on_text
from aether.workflows.llm.token_estimate import estimate_max_tokens

# Besides the prompt a model needs room for a text, an answer as long as the text, a second one if the first must be
# repaired, and a summary half as long, so that any two summaries can be merged.
_TEXTS = 3.5
# A model with less context copies badly, and gets the quotes to choose from. Where such models run a schema costs
# nothing; OpenAI prepares each new one for seconds, counts it as input, and bounds how many choices it has.
_COPIES_WELL = 16_384  # tokens
_SHORT = 500  # characters; an answer about so short a text that is cut off is one that the model never ends


class _CutOffError(Exception):
    """The answer is too long; half of the text has half of it."""


class ModelEditor:
    """The `Editor` on any `ChatModel`; `context` is how many tokens the model reads and writes in one call."""

    def __init__(self, chat: ChatModel, context: int) -> None:
        self._summaries = Conversation(chat, prompts.SUMMARY_WORDS)
        self._checklists = Conversation(chat, prompts.CHECKLIST_WORDS)
        prompt = sum(estimate_max_tokens(message.content) for message in prompts.checklist("", Summary("")))
        self._max_text = int((context - prompt) / _TEXTS)
        self._max_summary = self._max_text // 2
        self._copies_well = context >= _COPIES_WELL

    def split(self, text: str) -> tuple[str, ...]:
        """Split a text by the estimated number of tokens of each part."""
        return split_to_fit(text, self._fits)

    async def summarise(self, text: str) -> Summary:
        """Ask for a summary."""
        return await self._summary(prompts.summary(text))

    async def merge_summaries(self, summaries: Sequence[Summary]) -> Summary:
        """Ask for a summary of summaries, in rounds if the model cannot read them at once."""
        joined = "\n\n".join(summary.text for summary in summaries)
        merged = [await self._summary(prompts.merged_summary(part)) for part in self.split(joined)]
        return merged[0] if len(merged) == 1 else await self.merge_summaries(merged)

    async def write_checklist(self, text: str, summary: Summary, *, may_be_empty: bool = False) -> Checklist:
        """Ask for a checklist: once more if the answer cannot be used, and for each half if it is too long."""
        source = await work_on_text(partial(Source, text), len(text))
        form = prompts.checklist_form(() if self._copies_well else source.passages)
        read = partial(_read, text=text, source=source, may_be_empty=may_be_empty)
        ask = self._checklists.structured_output
        try:
            return await ask(prompts.checklist(text, summary), form, read, compared_with=len(text))
        except _CutOffError:
            halves = [await self.write_checklist(half, summary, may_be_empty=True) for half in split(text, 2)]
        checklist = Checklist.of(item for half in halves for item in half.items)
        if not checklist.items and not may_be_empty:
            raise UnusableOutputError("it has no item that rests on the guideline")
        return checklist

    async def _summary(self, messages: Sequence[Message]) -> Summary:
        answer = await self._summaries.text(messages)
        text = await work_on_text(partial(self._clean_summary, answer), len(answer))
        if is_blank(text):
            raise UnusableOutputError("it is empty")
        return Summary(text)

    def _clean_summary(self, answer: str) -> str:
        text = section_body(answer, "Summary")
        while estimate_max_tokens(fence("summaries", text)) > self._max_summary:
            text = up_to_last_sentence(text[: len(text) * 9 // 10])
        return text

    def _fits(self, part: str) -> bool:
        return estimate_max_tokens(fence("guideline", part)) <= self._max_text


def _read(reply: Reply, *, text: str, source: Source, may_be_empty: bool) -> Checklist:
    if reply.cut_off and len(text) > _SHORT:
        raise _CutOffError
    return parse_checklist(reply.text, source, may_be_empty=may_be_empty)
