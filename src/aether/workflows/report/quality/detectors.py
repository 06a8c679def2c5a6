"""Detectors of languages: a count of frequent words and of scripts, and the library py3langid where it is installed."""

import re
from collections.abc import Callable
from functools import cache

from aether.workflows.report.quality.stop_word_counts import MAX_READ, StopWordCounts
from aether.workflows.report.quality.stop_words import SCRIPTS
from aether.workflows.report.quality.thresholds import RULES
from aether.workflows.report.quality.words import words_of

_PROBABILITY = RULES["language"].limits["probability"]
_MIN_SHARE = 0.1  # of the words are stop words of their language
_SURE_SHARE = 0.25  # of the words, which texts in related languages do not reach
_MIN_LEAD = 1.3  # over the stop words of the next language
_MIN_WORDS = 20
_MIN_TOPIC_WORDS, _MIN_TOPIC_STOP_WORDS = 4, 2
_MIN_SCRIPT = 0.5  # of the letters
_MIN_KANA = 0.1  # which Japanese mixes with Chinese characters
_SCRIPTS = tuple((code, re.compile(f"[{characters}]")) for code, characters in SCRIPTS)
_ANY_SCRIPT = re.compile(f"[{''.join(characters for _, characters in SCRIPTS)}]")
_ALIKE = (
    {"no", "nb", "nn", "da"},
    {"hr", "sr", "bs", "sh"},
    {"id", "ms"},
    {"hi", "mr", "ne"},
    {"fa", "tg", "prs"},
    {"zh", "wuu", "yue"},
)
"""Languages that are so alike that their texts are taken for each other."""

Classify = Callable[[str], tuple[str, float]]


def by_words(text: str, counts: StopWordCounts | None = None) -> str | None:
    """Tell the language of a text by its script and its most frequent words; None if they do not tell.

    `counts` are those of the text's beginning, if they are known.
    """
    text = text[:MAX_READ]
    return _by_script(text) or _by_stop_words(counts or StopWordCounts.of(words_of(text)))


def _by_script(text: str) -> str | None:
    if text.isascii() or not _ANY_SCRIPT.search(text):
        return None
    letters = sum(map(str.isalpha, text))
    for code, characters in _SCRIPTS:
        if len(characters.findall(text)) > letters * (_MIN_KANA if code == "ja" else _MIN_SCRIPT):
            return code
    return None


def _by_stop_words(counts: StopWordCounts) -> str | None:
    total = counts.total
    [(code, most), *others] = counts.ranked() or [("", 0)]
    following = next((count for other, count in others if not are_alike(code, other)), 0)
    is_certain = total >= _MIN_WORDS and most >= _MIN_SHARE * total and most >= _MIN_LEAD * following
    return code if is_certain else None


def is_certainly(counts: StopWordCounts, code: str) -> bool:
    """Whether a text has so many frequent words of a language that no other one has to be looked for."""
    return counts.of_language(code) >= _SURE_SHARE * counts.total


def topic_language(topic: str) -> str | None:
    """Tell the language of a topic, if it has a script or at least two frequent words that only this language has."""
    if code := _by_script(topic):
        return code
    words = tuple(dict.fromkeys(words_of(topic)))
    ranked = StopWordCounts.of(words).ranked()
    [(code, most), (_, following)] = [*ranked[:2], ("", 0), ("", 0)][:2]
    return code if len(words) >= _MIN_TOPIC_WORDS and most >= _MIN_TOPIC_STOP_WORDS and most > following else None


def by_library(text: str) -> str | None:
    """Tell the language of a text as the library does; None if it is not certain, or not installed."""
    classify = _library()
    if classify is None:
        return None
    code, probability = classify(text[:MAX_READ])
    return code if probability >= _PROBABILITY else None


@cache
def _library() -> Classify | None:
    """Load the library, which takes half a second and 90 MB, when the first text needs it."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - an extra, and large
    except ImportError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier.classify  # type: ignore[no-any-return]


def are_alike(code: str, other: str) -> bool:
    """Whether two languages are the same, or so alike that they are taken for each other."""
    return code == other or any(code in alike and other in alike for alike in _ALIKE)
