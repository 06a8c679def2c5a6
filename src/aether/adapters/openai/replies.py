"""Replies: what an answer of a model means for the caller, once its thinking is removed."""

import asyncio
import re

import msgspec

from aether.adapters.openai.answers import MAX_TEXT, Answer, TokenUsage, token_count
from aether.adapters.openai.finish_reasons import Ending, ending_of
from aether.adapters.openai.thinking import ThinkingFilter
from aether.domain.job import Usage
from aether.domain.plain_text import is_blank
from aether.workflows.llm.ports import Form, Reply

_SHORT = 16_384  # characters of an answer that are decoded at once
SLICE = 4_096  # characters that are read at once, however many marks they contain


async def remove_thinking(answer: Answer, *, holds: bool) -> ThinkingFilter:
    """Remove the thinking from the content of a whole answer."""
    thinking = ThinkingFilter(holds=holds)
    for at in range(0, len(answer.content), SLICE):
        if at:
            await asyncio.sleep(0)
        thinking.feed(answer.content[at : at + SLICE])
    thinking.finish(cut_off=ending_of(answer.finish_reason) == "cut off")
    return thinking


def make_reply(answer: Answer, thinking: ThinkingFilter, *, wants_json: bool, max_chars: int = MAX_TEXT) -> Reply:
    """Return the reply to the caller; its `defect` says why an answer that was paid for cannot be used."""
    text, ending = thinking.text, ending_of(answer.finish_reason)
    if wants_json and is_blank(text):
        text = _find_json(answer, thinking) or text
    # A model that goes on behind its answer, as other speakers do, reaches the limit there.
    is_cut_off = (ending == "cut off" and not thinking.is_over) or len(answer.content) >= max_chars
    filtered = "its content filter stopped the answer." if ending == "filtered" else None
    return Reply(
        text,
        is_cut_off,
        usage_of(answer.tokens),
        answer.refusal or filtered,
        _defect(answer, thinking, ending, text),
    )


def lacks_fields(text: str, form: Form) -> bool:
    """Whether an answer is a JSON object in which fields of the form are missing or empty, such as `{}`.

    Whoever asked reads it more leniently; what is no JSON at all may still be usable.
    """
    if len(text) > _SHORT:
        return False
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return not (isinstance(value, dict) and all(value.get(name) for name in form.schema.get("required", ())))


def usage_of(tokens: TokenUsage | None) -> Usage:
    """Return the usage of one call."""
    tokens = tokens or TokenUsage()
    return Usage(1, token_count(tokens.prompt_tokens), token_count(tokens.completion_tokens))


def _find_json(answer: Answer, thinking: ThinkingFilter) -> str | None:
    """Return what stands in place of the text and may be the JSON that was asked for."""
    places = (answer.arguments, answer.reasoning, "".join(thinking.thoughts))
    return next((place for place in places if "{" in place or "[" in place), None)


def _defect(answer: Answer, thinking: ThinkingFilter, ending: Ending, text: str) -> str | None:
    if ending == "failed":
        reason = re.sub(r"[^\w .-]", " ", answer.finish_reason or "")[:40]
        return f"the server broke it off (finish reason {reason})"
    has_thoughts = not is_blank(answer.reasoning) or any(not is_blank(piece) for piece in thinking.thoughts)
    if not is_blank(text) or answer.refusal or ending == "filtered":
        return None
    if ending == "cut off":
        return (
            "its length limit was used up by thinking; set a higher max_tokens, or less thinking, in "
            "AETHER_MODEL_OPTIONS"
            if has_thoughts or token_count((answer.tokens or TokenUsage()).completion_tokens)
            else "its length limit left no room for text"
        )
    return "it has only thinking, and no text" if has_thoughts else None
