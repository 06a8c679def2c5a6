"""Finding the words of a text on which something that was said about it rests."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

_MOST = 200  # characters
_LEAST = 8  # letters; anything stands somewhere if it is short enough
_LEAST_UNSPACED = 4
_STEM = 5  # letters, for "washing" to count as "wash" and "hands" as "hand"
_CONTENT = 4  # letters; shorter words are mostly articles and prepositions
_SHARED = 0.5
_MOST_CLAIMED = 1_000  # characters; a model that does not find an end costs no more time than that

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
    """A text that is quoted from: every quote stands in it, character for character, and is short."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._letters, self._places = _letters_of(text)
        self._passages = [(passage, _stems(passage)) for passage in _passages(text)]
        self._frequency = Counter(stem for _, stems in self._passages for stem in stems)

    @property
    def passages(self) -> list[str]:
        """All its sentences, the long ones in pieces."""
        return [passage for passage, _ in self._passages]

    def quote(self, said: str, claimed: str = "") -> str | None:
        """Return what `said` rests on: the words that are claimed to be quoted, or else the nearest passage.

        A claim is looked for without regard to case, space, marks and accents. One that stands there but shares no word
        with `said` gives way to a nearer passage, if there is one; it is kept otherwise, since the two may be in
        different languages. A passage has more than half of the words of what was said or claimed, the rarer ones
        counting more; None if none has.
        """
        found = self._find(claimed)
        if found is None:
            return self._nearest(_stems(said), _stems(claimed))
        return found if _stems(found) & _stems(said) else self._nearest(_stems(said)) or found

    def _find(self, claimed: str) -> str | None:
        """Return the span that was quoted, the longest piece of it if something was left out."""
        # Prompts write &lt; for <, and a model may copy that.
        pieces = sorted(
            _ELISION.split(" ".join(claimed[:_MOST_CLAIMED].replace("&lt;", "<").split())), key=len, reverse=True
        )
        found = (self._exactly(piece.strip(_AROUND)) or self._loosely(piece) for piece in pieces)
        return next(filter(None, found), None)

    def _exactly(self, piece: str) -> str | None:
        at = self._text.find(piece)
        return self._cut(at, at + len(piece)) if at >= 0 and _is_telling(piece) else None

    def _loosely(self, piece: str) -> str | None:
        letters, _ = _letters_of(piece)
        at = self._letters.find(letters) if _is_telling(letters) else -1
        while at >= 0:
            start, end = self._places[at], self._places[at + len(letters) - 1] + 1
            if span := self._cut(start, end):
                return span
            at = self._letters.find(letters, at + 1)
        return None

    def _cut(self, start: int, end: int) -> str | None:
        """Return the span, shortened if need be; None if it begins or ends inside a word."""
        while end < len(self._text) and unicodedata.category(self._text[end]).startswith("M"):
            end += 1
        if _is_inside_word(self._text, start) or _is_inside_word(self._text, end):
            return None
        return next(_pieces(self._text[start:end]))

    def _nearest(self, said: frozenset[str], claimed: frozenset[str] = frozenset()) -> str | None:
        """Return the passage that shares most; of equal ones the first."""
        enough = [(words, _SHARED * self._weight(words)) for words in (said, claimed)]
        near = {
            passage: self._weight(stems & (said | claimed))
            for passage, stems in self._passages
            if any(self._weight(stems & words) > least for words, least in enough)
        }
        return max(near, key=lambda passage: near[passage], default=None)

    def _weight(self, stems: frozenset[str]) -> float:
        # A word that stands everywhere tells little of what a passage is about.
        return sum(1 / max(1, self._frequency[stem]) for stem in stems)


def _letters_of(text: str) -> tuple[str, list[int]]:
    """Return the text's letters and digits, without case and accents, and the place of each."""
    found = [
        (letter, at)
        for at, character in enumerate(text)
        for letter in unicodedata.normalize("NFKD", character).casefold()
        if letter.isalnum()
    ]
    return "".join(letter for letter, _ in found), [at for _, at in found]


def _is_telling(piece: str) -> bool:
    letters = sum(map(str.isalnum, piece))
    return letters >= (_LEAST_UNSPACED if _UNSPACED.search(piece) else _LEAST)


def _is_inside_word(text: str, at: int) -> bool:
    around = text[at - 1 : at + 1] if at else ""
    return len(around) == len("ab") and around.isalnum() and not _UNSPACED.search(around)


def _passages(text: str) -> Iterator[str]:
    for sentence in _SENTENCE.finditer(text):
        yield from _pieces(sentence[0].rstrip())


def _pieces(span: str) -> Iterator[str]:
    """Cut a span where a word ends, so that no piece is too long."""
    while len(span) > _MOST:
        end = span.rfind(" ", _MOST // 2, _MOST + 1)
        end = _MOST if end < 0 else end
        yield span[:end].rstrip()
        span = span[end:].lstrip()
    yield span


def _stems(text: str) -> frozenset[str]:
    """Return what the content words of a text begin with, and for scripts without spaces all pairs of characters."""
    words = _WORD.findall(text.casefold())
    telling = frozenset(stem for word in words for stem in _stems_of(word))
    return telling or frozenset(words)


def _stems_of(word: str) -> Iterator[str]:
    if _UNSPACED.search(word):
        yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
    elif len(word) >= _CONTENT or any(map(str.isdigit, word)):
        yield word[:_STEM]
