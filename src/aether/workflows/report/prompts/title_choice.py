"""Title choice: the best titles of more than are needed, since a small model repeats itself and falls back on phrases.

Titles are compared by the beginnings of their words, without those of the topic, which most of them repeat.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

_BEGINNING = 5  # letters in which the forms of a word agree: "explore", "exploration"
_MAX_WORDS = 8
_MAX_ALIKE = 2  # titles that begin with the same two words
_SAME = 0.5  # the share of its words that one of two titles has in common with the other
_SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "of",
        "in",
        "on",
        "to",
        "for",
        "from",
        "with",
        "by",
        "at",
        "as",
        "about",
        "into",
        "through",
        "under",
        "is",
        "are",
        "was",
        "were",
        "be",
        "being",
        "been",
        "how",
        "what",
        "why",
        "when",
        "where",
        "who",
        "do",
        "does",
        "did",
        "it",
        "its",
        "they",
        "their",
        "this",
        "that",
        "these",
        "those",
        "your",
        "you",
        "our",
        "we",
        "his",
        "her",
        "s",
    ]
)
# Parts that every report could have. The model then writes about the report instead of its topic.
_OF_ANY_REPORT = re.compile(
    r"\A(?:conclu|introduct|overview|summar|referenc|bibliograph|acknowledg|appendi|faqs?\b|further |additional "
    r"|see also|recommend|table of|abstract|index\b|glossar|notes\b|chapter\b|project\b|background\b|(?:the )?basics\b)"
    r"|\b(?:reports?|sections?|chapters?|articles?|conclusions?|insights?|case stud(?:y|ies)|future research)\b",
    re.IGNORECASE,
)
_MADE_UNIQUE = re.compile(r" \(\d+\)$")
_OPEN_END = re.compile(
    rf"(?:[\s,&-]+(?:{'|'.join(sorted(_SMALL_WORDS - {'it', 'they', 'you', 'we'}))}))+$|[\s,&-]+$", re.IGNORECASE
)


def choose_titles(titles: Sequence[str], topic: str, count: int, least: int) -> list[str]:
    """Return up to `count` different titles in their order; one with a fault only if there are not `least` others."""
    choice = _Choice(topic)
    tidied = [_OPEN_END.sub("", " ".join(title.split())) for title in titles]
    ranks = [choice.rank(title) for title in tidied]
    usable = [at for at, rank in enumerate(ranks) if rank is not None]
    by_rank = sorted(usable, key=lambda at: ranks[at] or 0)[:count]
    best = [at for place, at in enumerate(by_rank) if place < least or ranks[at] == 0]
    return [tidied[at] for at in sorted(best)]


class _Choice:
    """Ranks titles one after the other, each compared with those before it."""

    def __init__(self, topic: str) -> None:
        self._topic = set(_words(topic))
        self._kept: list[frozenset[str]] = []
        self._seen: set[str] = set()
        self._beginnings: Counter[tuple[str, ...]] = Counter()

    def rank(self, title: str) -> int | None:
        """Return 0 for a title without a fault, more for a worse one, and None for none or one that was there."""
        key = _MADE_UNIQUE.sub("", title.casefold())
        if not any(map(str.isalpha, title)) or key in self._seen:
            return None
        self._seen.add(key)
        words = list(_words(title))
        own = frozenset(words) - self._topic
        rank = next((rank for rank, is_faulty in self._faults(title, words, own) if is_faulty), 0)
        if rank == 0:
            self._kept.append(own)
            self._beginnings[tuple(title.casefold().split()[:2])] += 1
        return rank

    def _faults(self, title: str, words: list[str], own: frozenset[str]) -> Iterator[tuple[int, bool]]:
        yield 4, not own
        yield 3, _OF_ANY_REPORT.search(title) is not None
        yield 3, any(_are_alike(own, kept) for kept in self._kept)
        yield 2, len(words) > len(set(words))
        yield 2, len(title.split()) > _MAX_WORDS
        yield 1, self._beginnings[tuple(title.casefold().split()[:2])] >= _MAX_ALIKE and bool(own)


def _are_alike(own: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(own & other)
    return shared > 0 and shared >= _SAME * min(len(own), len(other))


def _words(text: str) -> Iterator[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return (word[:_BEGINNING] for word in words if word not in _SMALL_WORDS)
