"""Language of a request: whether it asks for another language than English, told by a few frequent words."""

import re

_ENGLISH = re.compile(
    r"en\b|english|englisch|anglais|ingl[eé]s|inglese|engels|английский|英语|英文|英語|영어", re.IGNORECASE
)
_OTHER_SCRIPT = re.compile(r"[^\W\d_\u0000-\u024F\u1E00-\u1EFF]")
# Letters of names occur in English topics too ("Café culture"), and some words in several languages ("in", "die").
_SMALL_WORDS = {
    "English": "the of and on to for is are how why what with from at by its or as vs",
    "German": "der das des dem den und ein eine im von vom zu zur zum für über auf wie warum aus bei mit nach",
    "French": "le les du de la une et aux sur dans pour au l d comment histoire",
    "Spanish": "el los las del y una para por en con cómo historia",
    "Italian": "il lo gli della dei delle di e nel nella storia",
    "Portuguese": "os da dos uma com não em",
    "Dutch": "het een van hoe voor naar",
    "Scandinavian": "och ett av som på og",
    "Polish": "w z na do i się jak",
}
_ENGLISH_WORDS = frozenset(_SMALL_WORDS["English"].split())
_OTHER_WORDS = frozenset(word for words in _SMALL_WORDS.values() for word in words.split()) - _ENGLISH_WORDS
_SPECIAL = re.compile(r"[äöüßæøåąćęłńśźżčěřšůžőűğışțșñ¿]")
_SURELY_OTHER = 2
"""Words with special letters in a topic without any small word."""

ENGLISH_ONLY = "The model writes English only, so the report will not be in the language that is asked for."


def is_not_english(topic: str, language: str | None = None) -> bool:
    """Whether a report is wanted in another language: in the one that is named, or else in that of the topic."""
    if language is not None:
        return _ENGLISH.match(language.strip()) is None
    if _OTHER_SCRIPT.search(topic):
        return True
    words = re.findall(r"[^\W\d_]+", topic.casefold())
    english, other = (sum(word in known for word in words) for known in (_ENGLISH_WORDS, _OTHER_WORDS))
    special = sum(_SPECIAL.search(word) is not None for word in words)
    return other > english or (english == other == 0 and special >= _SURELY_OTHER)
