"""Direction of a text: from left to right, or from right to left."""

import re

from aether.documents.model import Direction

# The letters of Hebrew, Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic and their forms (Unicode, bidi classes R, AL).
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001eeff]")
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 2_000  # characters


def direction_of(text: str, document: Direction) -> Direction:
    """Return the direction that most of the words have.

    Words count as much as those of the document's own direction only if there are as many: a Hebrew sentence may begin
    with an English name.
    """
    sample = text[:_SAMPLE]
    if not has_right_to_left(sample):
        return document if not _WORD.search(sample) else "ltr"
    words = _WORD.findall(sample)
    right = sum(_RIGHT_TO_LEFT.match(word) is not None for word in words)
    if right * 2 == len(words):
        return document
    return "rtl" if right * 2 > len(words) else "ltr"


def has_right_to_left(text: str) -> bool:
    """Whether the text has letters that are written from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None
