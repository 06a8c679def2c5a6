"""Quotes: find the words of a text on which a statement about it rests."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

_MAX_QUOTE = 200  # characters
_MIN_LETTERS = 8  # fewer letters occur in any text by chance
_MIN_LETTERS_UNSPACED = 4
_STEM = 5  # letters, so that "washing" counts as "wash" and "hands" as "hand"
_MIN_CONTENT_WORD = 4  # letters; shorter words are mostly articles and prepositions
_MIN_OVERLAP = 0.5
_MAX_CLAIM = 1_000  # characters; a model that repeats itself without end costs no more time than that
_MAX_FINDS = 50  # places that are tried for one claim, since it may occur everywhere inside words

_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
_ELISION = re.compile(r"\s*\[?(?:…|\.{3,})\]?\s*")
_AROUND = " \t\r\n\"'“”„‟‘’‚‛«»‹›「」『』`*"  # noqa: RUF001 - quotation marks of many languages
_SENTENCE = re.compile(
    r"[^\W_].*?(?:[.!?…]{1,9}[\"'”’)\]]{0,9}(?=\s|\Z)|[。！？｡]"  # noqa: RUF001 - the ends of Chinese and Japanese sentences
    r"|(?=\n[ \t]{0,20}(?:\n|[-*+•#(\[]|\d))|\Z)",
    re.DOTALL,
)


class Source:
    """A text to quote from: every quote occurs in it, character for character, and is short."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._letters, self._positions = _letters_of(text)
        self._passages = [(passage, _stems(passage)) for passage in _passages(text)]
        self._frequency = Counter(stem for _, stems in self._passages for stem in stems)

    @property
    def passages(self) -> list[str]:
        """All sentences of the text, the long ones in pieces."""
        return [passage for passage, _ in self._passages]

    def quote(self, statement: str, claim: str = "") -> str | None:
        """Return the quote on which a statement rests: the claimed one if it occurs in the text, or the best passage.

        A claim is compared without case, space, marks and accents. A claim that occurs in the text but shares no word
        with the statement gives way to a passage that does; without such a passage it stays, since the two may be in
        different languages. A passage must have more than half of the words of the statement or of the claim, where
        rare words count more; None if no passage has.
        """
        found = self._find(claim)
        if found is None:
            return self._best_passage(_stems(statement), _stems(claim))
        return found if _stems(found) & _stems(statement) else self._best_passage(_stems(statement)) or found

    def _find(self, claim: str) -> str | None:
        """Return the claimed span; if the claim leaves something out, the longest piece of it."""
        pieces = sorted(_ELISION.split(" ".join(claim[:_MAX_CLAIM].split())), key=len, reverse=True)
        found = (self._find_exact(piece.strip(_AROUND)) or self._find_similar(piece) for piece in pieces)
        return next(filter(None, found), None)

    def _find_exact(self, piece: str) -> str | None:
        at = self._text.find(piece)
        return self._cut(at, at + len(piece)) if at >= 0 and _is_distinctive(piece) else None

    def _find_similar(self, piece: str) -> str | None:
        letters, _ = _letters_of(piece)
        if not _is_distinctive(letters):
            return None
        at = -1
        for _ in range(_MAX_FINDS):
            at = self._letters.find(letters, at + 1)
            if at < 0:
                return None
            start, end = self._positions[at], self._positions[at + len(letters) - 1] + 1
            if span := self._cut(start, end):
                return span
        return None

    def _cut(self, start: int, end: int) -> str | None:
        """Return the span, shortened if it is too long; None if it begins or ends inside a word."""
        while end < len(self._text) and unicodedata.category(self._text[end]).startswith("M"):
            end += 1
        if _is_inside_word(self._text, start) or _is_inside_word(self._text, end):
            return None
        return next(_pieces(self._text[start:end]))

    def _best_passage(self, statement: frozenset[str], claim: frozenset[str] = frozenset()) -> str | None:
        """Return the passage that shares most stems with either; the first one of equals."""
        thresholds = [(stems, _MIN_OVERLAP * self._weight(stems)) for stems in (statement, claim)]
        weights = {
            passage: self._weight(stems & (statement | claim))
            for passage, stems in self._passages
            if any(self._weight(stems & wanted) > threshold for wanted, threshold in thresholds)
        }
        return max(weights, key=lambda passage: weights[passage], default=None)

    def _weight(self, stems: frozenset[str]) -> float:
        # A word that occurs everywhere says little about a passage.
        return sum(1 / max(1, self._frequency[stem]) for stem in stems)


def _letters_of(text: str) -> tuple[str, list[int]]:
    """Return the text's letters and digits, without case and accents, and the position of each."""
    found = [
        (letter, at)
        for at, character in enumerate(text)
        for letter in unicodedata.normalize("NFKD", character).casefold()
        if letter.isalnum()
    ]
    return "".join(letter for letter, _ in found), [at for _, at in found]


def _is_distinctive(piece: str) -> bool:
    letters = sum(map(str.isalnum, piece))
    return letters >= (_MIN_LETTERS_UNSPACED if _UNSPACED.search(piece) else _MIN_LETTERS)


def _is_inside_word(text: str, at: int) -> bool:
    around = text[at - 1 : at + 1] if at else ""
    return len(around) == len("ab") and around.isalnum() and not _UNSPACED.search(around)


def _passages(text: str) -> Iterator[str]:
    for sentence in _SENTENCE.finditer(text):
        yield from _pieces(sentence[0].rstrip())


def _pieces(span: str) -> Iterator[str]:
    """Split a span at ends of words, so that no piece is too long."""
    while len(span) > _MAX_QUOTE:
        end = span.rfind(" ", _MAX_QUOTE // 2, _MAX_QUOTE + 1)
        end = _MAX_QUOTE if end < 0 else end
        yield span[:end].rstrip()
        span = span[end:].lstrip()
    yield span


def _stems(text: str) -> frozenset[str]:
    """Return the beginnings of a text's content words, and for scripts without spaces all pairs of characters."""
    words = _WORD.findall(text.casefold())
    stems = frozenset(stem for word in words for stem in _stems_of(word))
    return stems or frozenset(words)


def _stems_of(word: str) -> Iterator[str]:
    if _UNSPACED.search(word):
        yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
    elif len(word) >= _MIN_CONTENT_WORD or any(map(str.isdigit, word)):
        yield word[:_STEM]
