"""Language of a document: its tag (BCP 47), as the caller names it or as its text shows it."""

import re
from collections import Counter
from collections.abc import Iterable

from aether.documents.model import Direction

UNDETERMINED = "und"

# Names in English and in the language itself, for the `language` of a request.
_NAMES = {
    "ar": "arabic العربية عربي",
    "bg": "bulgarian български",
    "bn": "bengali bangla বাংলা",
    "cs": "czech čeština česky",
    "da": "danish dansk",
    "de": "german deutsch",
    "el": "greek ελληνικά",
    "en": "english",
    "es": "spanish español castellano",
    "fa": "persian farsi فارسی",
    "fi": "finnish suomi",
    "fr": "french français",
    "he": "hebrew עברית",
    "hi": "hindi हिन्दी हिंदी",
    "hu": "hungarian magyar",
    "id": "indonesian",
    "it": "italian italiano",
    "ja": "japanese 日本語",
    "ko": "korean 한국어",
    "nb": "norwegian norsk bokmål",
    "nl": "dutch nederlands",
    "pl": "polish polski",
    "pt": "portuguese português",
    "ro": "romanian română",
    "ru": "russian русский",
    "sv": "swedish svenska",
    "ta": "tamil தமிழ்",
    "th": "thai ไทย",
    "tr": "turkish türkçe",
    "uk": "ukrainian українська",
    "ur": "urdu اردو",
    "vi": "vietnamese",
    "zh": "chinese mandarin 中文 汉语 漢語",
}
_TAGS = {name: tag for tag, names in _NAMES.items() for name in names.split()}
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}", re.IGNORECASE)

# Frequent short words, of which a text of some length has several.
_WORDS = {
    "da": "og det er ikke af til på som med den blev",
    "de": "der die und das ist nicht von mit den ein zu auf",
    "en": "the of and to in is that for was with as are",
    "es": "el la de y los las que en un por con una del",
    "fi": "ja on ei että oli myös se sekä tai kun",
    "fr": "le la les et des est du une dans que pour qui",
    "it": "il di e la che per una sono con del della gli",
    "nl": "de het een van en is dat niet met op voor zijn",
    "pl": "i w na z do się jest nie że to przez oraz",
    "pt": "o de e que os em um uma para com não do da",
    "sv": "och det är att som på en av för inte till den",
    "tr": "ve bir bu için ile de da olarak olan en",
}
_SPLIT_WORDS = {tag: frozenset(words.split()) for tag, words in _WORDS.items()}
_ALL_WORDS = frozenset[str]().union(*_SPLIT_WORDS.values())
_LANGUAGES_OF = {word: [tag for tag, words in _SPLIT_WORDS.items() if word in words] for word in _ALL_WORDS}
_MIN_WORDS = 3

# The first that matches decides: letters of one language before those of its whole script.
_SCRIPTS = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af\u1100-\u11ff]"),
    ("zh", r"[\u3400-\u9fff\U00020000-\U0003134f]"),
    ("ur", r"[ٹڈڑےں]"),
    ("fa", r"[پچژگکی]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("hi", r"[\u0900-\u097f]"),
    ("bn", r"[\u0980-\u09ff]"),
    ("ta", r"[\u0b80-\u0bff]"),
    ("th", r"[\u0e00-\u0e7f]"),
    ("el", r"[\u0370-\u03ff]"),
    ("uk", r"[іїєґІЇЄҐ]"),
    ("ru", r"[\u0400-\u04ff]"),
)
_LETTERS = {tag: re.compile(letters) for tag, letters in _SCRIPTS}
_MIN_SHARE = 0.04
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 20_000  # characters

_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}


def language_of(requested: str, texts: Iterable[str]) -> str:
    """Return the tag of the language that the caller named; if that is not known, of the one the texts are in."""
    wanted = requested.strip()
    words = _WORD.findall(wanted.casefold())
    known = next((_TAGS[word] for word in words if word in _TAGS), None)
    if known:
        return known
    if _TAG.fullmatch(wanted):
        primary, *rest = wanted.split("-")
        return "-".join([primary.lower(), *rest])
    return _found_in("\n".join(texts)[:_SAMPLE])


def direction_of_language(tag: str) -> Direction:
    """Return the direction in which the language is written."""
    return "rtl" if tag.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def _found_in(text: str) -> str:
    letters = sum(map(str.isalpha, text))
    if not text.isascii():
        for tag, pattern in _LETTERS.items():
            if len(pattern.findall(text)) > letters * _MIN_SHARE:
                return tag
    counts: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        counts.update(_LANGUAGES_OF.get(word, ()))
    ((best, times),) = counts.most_common(1) or [(UNDETERMINED, _MIN_WORDS)]
    return best if times >= _MIN_WORDS else UNDETERMINED
