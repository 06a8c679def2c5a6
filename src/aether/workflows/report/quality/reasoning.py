"""Reasoning in a section: a model's thinking between tags, which the adapter of another server has not removed."""
# ruff: noqa: RUF001 - the words and marks of other languages look like Latin ones

import re

from aether.workflows.report.quality.blocks import mask_code

_TAG = re.compile(r"<(?P<end>/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_QUOTES = frozenset("'\"“”‘’„«»()")
_SPACES = " \t"


def without_reasoning(text: str) -> str:
    """Remove what stands between tags of thinking, before one that only ends it, and behind one that never ends."""
    if "<" not in text:
        return text
    masked = mask_code(text)
    kept: list[str] = []
    at, is_open = 0, False
    for tag in _TAG.finditer(masked):
        if not is_open and _is_mention(masked, tag):
            continue
        if tag["end"]:
            kept = kept if is_open else []
            at, is_open = tag.end(), False
        elif not is_open:
            kept.append(text[at : tag.start()])
            is_open = True
    return "".join(kept if is_open else [*kept, text[at:]]) if at or is_open else text


def _is_mention(text: str, tag: re.Match[str]) -> bool:
    """Whether the text writes about the tag: it is quoted, or a word of a sentence."""
    before, after = text[max(0, tag.start() - 2) : tag.start()], text[tag.end() : tag.end() + 1]
    if before[-1:] in _QUOTES or after in _QUOTES:
        return bool(before and after)
    is_word = before[-1:] in _SPACES and (before[:1].isalnum() or before[:1] == ",")
    return bool(before.strip() and is_word and after and after in " .,;:")
