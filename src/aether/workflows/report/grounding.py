"""Grounding: finds the numbers and names of a derived text that do not stand in the texts it is derived from.

Names are told by their capital letters inside a sentence, so in scripts without them only numbers are compared. In a
language that writes all nouns with a capital letter, a name is two such words in a row.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise

from aether.domain.derived_section import DerivedSection
from aether.domain.finding import Finding
from aether.domain.plain_text import shorten

_NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f ]\d{3})*(?:[.,]\d+)?")
_SEPARATORS = re.compile(r"[^\d]")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
_SENTENCE_END = re.compile(
    r"[.!?…؟۔।][\"'”’)\]]{0,9}\s+(?=[^\Wa-z]|[\"'“„(*_\[-])|[。！？｡][」』”’]{0,9}\s*"  # noqa: RUF001 - ends in many languages
)
_MIN_STEM, _STEM_SHARE = 4, 0.7
"""A name stands in a text that has a word with the same beginning: at least so many letters, and this share of them."""
_NOUN_SHARE = 0.22
"""Share of words with a capital letter inside sentences above which all nouns have one: German has about 0.3."""
_MIN_WORDS = 40  # of a text that tells whether nouns have a capital letter
_MAX_DETAIL = 400  # characters
_MAX_TOLD = 10  # unknown numbers and names that are told


class Evidence:
    """The texts from which another is derived: which numbers and words stand in them."""

    def __init__(self, texts: Iterable[str]) -> None:
        whole = "\n".join(texts)
        self._numbers = {form for number in _NUMBER.finditer(whole) for form in _forms(number[0])}
        self._words = sorted({part for word in _WORD.findall(whole) for part in _parts(word)})
        self._has_capital_nouns = _share_of_capitals(whole) > _NOUN_SHARE

    def unknown(self, text: str) -> list[str]:
        """Return the numbers and names that do not stand in the texts, each once.

        A number with one digit counts as known, since the texts may have it as a word.
        """
        numbers = (number[0] for number in _NUMBER.finditer(text) if not self._has_number(number[0]))
        names = (name for name in self._names(text) if not all(map(self._has_word, _parts(name))))
        return list(dict.fromkeys([*numbers, *names]))

    def _has_number(self, number: str) -> bool:
        return len(number) == 1 or not _forms(number).isdisjoint(self._numbers)

    def _has_word(self, word: str) -> bool:
        is_short = len(word) < _MIN_STEM
        stem = word if is_short else word[: max(_MIN_STEM, int(len(word) * _STEM_SHARE))]
        at = bisect_left(self._words, stem)
        found = self._words[at] if at < len(self._words) else ""
        return found == word if is_short else found.startswith(stem)

    def _names(self, text: str) -> Iterator[str]:
        for sentence in sentences(text):
            words = _words_inside(sentence)
            for at, word in enumerate(words):
                follows_another = at > 0 and _is_capital(words[at - 1])
                precedes_another = at + 1 < len(words) and _is_capital(words[at + 1])
                if _is_capital(word) and (not self._has_capital_nouns or follows_another or precedes_another):
                    yield word


def ground(section: DerivedSection, evidence: Evidence) -> DerivedSection:
    """Remove each sentence or entry with a number or a name that is unknown, and tell it."""
    removed: list[Finding] = []

    def is_known(part: str) -> bool:
        unknown = evidence.unknown(part)
        if unknown:
            removed.append(_finding(part, unknown))
        return not unknown

    paragraphs = ("".join(filter(is_known, sentences(paragraph))).strip() for paragraph in section.text.split("\n\n"))
    points = tuple(filter(is_known, section.points))
    entries = tuple(entry for entry in section.entries if is_known(f"{entry.term}: {entry.definition}"))
    text = "\n\n".join(filter(None, paragraphs))
    return DerivedSection(text, points, entries, (*section.findings, *removed))


def told(unknown: Iterable[str]) -> str:
    """Return the unknown numbers and names as a list in words."""
    return ", ".join(list(unknown)[:_MAX_TOLD])


def sentences(text: str) -> list[str]:
    """Split a paragraph into its sentences; joined, they are the paragraph."""
    cuts = [0, *(found.end() for found in _SENTENCE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def _finding(part: str, unknown: list[str]) -> Finding:
    detail = f"What does not stand in the sections was removed: {told(unknown)}. It was: {' '.join(part.split())}"
    return Finding("ungrounded", detail=shorten(detail, _MAX_DETAIL), is_removed=True)


def _forms(number: str) -> frozenset[str]:
    """Return what a number may mean: "1,000" is a thousand or, where the comma is decimal, one."""
    whole, _, decimals = number.replace(",", ".").rpartition(".")
    digits = _SEPARATORS.sub("", number)
    as_decimal = f"{_digits(whole)}.{_digits(decimals).rstrip('0')}".rstrip(".") if whole else _digits(digits)
    return frozenset({_digits(digits), as_decimal})


def _digits(text: str) -> str:
    """Return the digits of any script as ASCII digits, without zeros before them."""
    return "".join(str(unicodedata.digit(character)) for character in text if character.isdigit()).lstrip("0") or "0"


def _parts(word: str) -> list[str]:
    """Return the words of a compound, in lower case."""
    return [_POSSESSIVE.sub("", part).casefold() for part in word.split("-") if part]


def _words_inside(sentence: str) -> list[str]:
    """Return the words of a sentence but the first, which has a capital letter in any case."""
    return [found[0] for found in _WORD.finditer(sentence)][1:]


def _is_capital(word: str) -> bool:
    return word[0].isupper() and word != "I"


def _share_of_capitals(text: str) -> float:
    words = [word for sentence in sentences(text) for word in _words_inside(sentence)]
    if len(words) < _MIN_WORDS:
        return 0.0
    return sum(map(_is_capital, words)) / max(1, len(words))
