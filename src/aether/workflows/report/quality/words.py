"""Words of a text: how many there are, and which, in scripts with spaces and without."""

import re
from collections.abc import Sequence
from functools import lru_cache

Grams = Sequence[tuple[str, ...]]
"""Sequences of words, in the order of the text."""
_CACHED = 64  # texts, since several checks read the same ones
_LETTERS_PER_WORD = 5  # of scripts that have no spaces, and letters instead of characters for syllables or words
_HAN = "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_THAI = "\u0e01-\u0e4e\u0e80-\u0ece\u1000-\u109f\u1780-\u17d3"  # and Lao, Burmese and Khmer
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0dff"
_CHARACTERS = re.compile(f"[{_HAN}]+")
_UNSPACED = re.compile(f"[{_THAI}]+")
_TOKEN = re.compile(rf"[{_HAN}{_THAI}]|[^\W_{_HAN}{_THAI}](?:[^\W_{_HAN}{_THAI}]|[{_MARKS}])*")
# Nearly all texts have none of these, and can be read several times as fast.
_SPECIAL = re.compile(f"[{_HAN}{_THAI}{_MARKS}]")
_PLAIN_TOKEN = re.compile(r"[^\W_]+")
_PLAIN_WORD = re.compile(r"[^\W_]\S*")
# Texts in Latin-1, with typographic marks, need no regex: their bytes are translated by tables.
_TYPOGRAPHIC = "\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026\u2022"
_LATIN = tuple(map(chr, range(256)))
_FOLDS = bytes(ord(each.lower()) if each.isalnum() else ord(" ") for each in _LATIN)
_FOLDS_OTHERWISE = "\xb5\xdf"  # into characters that are not in Latin-1, or two of them
_SPACES = bytes(ord(" ") if each.isspace() else at for at, each in enumerate(_LATIN))
_NO_WORD = bytes(at for at, each in enumerate(_LATIN) if not each.isalnum() and not each.isspace())
_NO_LETTER = bytes(at for at, each in enumerate(_LATIN) if not each.isalpha())
_GRAM, _UNSPACED_GRAM = 5, 12
_UNSPACED_SHARE = 3  # of so many words, one is a character


@lru_cache(maxsize=_CACHED)
def count_words(text: str) -> int:
    """Count the words of a text; each Chinese or Japanese character counts as one."""
    if (latin := _in_latin(text)) is not None:
        return len(latin.translate(_SPACES, _NO_WORD).split())
    if not _SPECIAL.search(text):
        return len(_PLAIN_WORD.findall(text))
    characters = sum(map(len, _CHARACTERS.findall(text)))
    unspaced = sum(-(-len(run) // _LETTERS_PER_WORD) for run in _UNSPACED.findall(text))
    spaced = _UNSPACED.sub(" ", _CHARACTERS.sub(" ", text))
    return characters + unspaced + sum(any(map(str.isalnum, word)) for word in spaced.split())


def least_words(text: str) -> int:
    """Count the words of a text as `count_words` does, but two Chinese or Japanese characters as one."""
    words = count_words(text)
    return words if text.isascii() else words - sum(map(len, _CHARACTERS.findall(text))) // 2


def has_spaces(text: str) -> bool:
    """Whether no part of a text is in a script without spaces."""
    return text.isascii() or not _SPECIAL.search(text)


def has_no_full_stops(text: str) -> bool:
    """Whether much of a text is in a script that ends sentences with a space, as Thai does."""
    return not text.isascii() and 2 * sum(map(len, _UNSPACED.findall(text))) > len(text)


@lru_cache(maxsize=_CACHED)
def count_letters(text: str) -> int:
    """Count the letters of a text; each Chinese or Japanese character counts as three."""
    if (latin := _in_latin(text)) is not None:
        return len(latin.translate(None, _NO_LETTER))
    return sum(map(str.isalpha, text)) + 2 * sum(map(len, _CHARACTERS.findall(text)))


def _in_latin(text: str) -> bytes | None:
    """Return the text in Latin-1, with a quotation mark for each typographic mark; None if it has other characters."""
    if not text.isascii():
        for mark in _TYPOGRAPHIC:
            text = text.replace(mark, '"')
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case; in scripts without spaces, the characters."""
    latin = _in_latin(text)
    if latin is not None and (text.isascii() or not any(letter in text for letter in _FOLDS_OTHERWISE)):
        return tuple(latin.translate(_FOLDS).decode("latin-1").split())
    folded = text.casefold()
    return tuple((_TOKEN if _SPECIAL.search(folded) else _PLAIN_TOKEN).findall(folded))


def is_unspaced(words: Sequence[str]) -> bool:
    """Whether many of the words are single characters of a script without spaces."""
    joined = "".join(words)
    if joined.isascii() or not _SPECIAL.search(joined):
        return False
    return _UNSPACED_SHARE * sum(not word.isascii() and len(word) == 1 for word in words) > len(words)


def grams_of(words: Sequence[str]) -> Grams:
    """Return all sequences of five words, or of twelve characters in scripts without spaces."""
    size = _UNSPACED_GRAM if is_unspaced(words) else _GRAM
    return list(zip(*(words[start:] for start in range(size)), strict=False))
