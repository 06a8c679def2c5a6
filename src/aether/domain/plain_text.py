"""Plain text: removes the characters that no text of a job may contain, and tells which texts show nothing."""

import re

INVISIBLE = (
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f"
    "\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb"
)
"""Characters that show nothing, as in a regex character class: formatting, fillers, and selectors of variants.

Those beyond U+FFFF are left out, since not every regex dialect can name them; `is_blank` knows them.
"""

_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
BIDI_CONTROLS = "\\u202a-\\u202e\\u2066-\\u2069"
"""Characters that change the direction of the text after them, as in a regex character class (UAX #9).

What they enclose may be shown in another order than it is written in, so that a text seems to say something else.
"""

_CONTROLS = re.compile(rf"[\x00-\x08\x0e-\x1f\x7f-\x9f{BIDI_CONTROLS}]")
_HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")  # halves of surrogate pairs, for which UTF-8 has no bytes
_BEYOND = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_BLANK = re.compile(rf"[\s\x00-\x1f\x7f-\x9f{INVISIBLE}{_BEYOND}]*")


def clean(text: str) -> str:
    """Return the text without control characters other than line feeds and tabs; all line breaks become line feeds.

    Those that change the direction of a text go too.
    """
    if text.replace("\n", "").isprintable():  # most texts, and much faster than the expressions
        return text
    return _HALF_CHARACTERS.sub("\ufffd", _CONTROLS.sub("", _BREAKS.sub("\n", text)))


def is_blank(text: str, marks: str = "") -> bool:
    """Whether the text shows nothing but `marks`: white space, control characters and invisible characters."""
    return _BLANK.fullmatch(text.translate(dict.fromkeys(map(ord, marks))) if marks else text) is not None


def visible_part(text: str) -> str:
    """Return the text from its first visible character on."""
    blank = _BLANK.match(text)
    return text[blank.end() :] if blank else text


def shorten(text: str, max_length: int) -> str:
    """Cut a text that is longer than `max_length` behind a whole word, and mark the cut with an ellipsis."""
    if len(text) <= max_length:
        return text
    return f"{text[:max_length].rpartition(' ')[0] or text[:max_length]} …"
