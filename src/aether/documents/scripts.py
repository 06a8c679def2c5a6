"""Scripts: the writing systems of characters, and the fonts that have them."""

import re
import unicodedata
from collections.abc import Iterable

import msgspec


class WritingSystem(msgspec.Struct, frozen=True):
    """A script: its characters, and the families of fonts for it, the best first."""

    name: str
    characters: re.Pattern[str]
    families: tuple[str, ...]


def _system(name: str, characters: str, *families: str) -> WritingSystem:
    return WritingSystem(name, re.compile(f"[{characters}]"), families)


_ARABIC = r"\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe"
_KANA = r"\u3040-\u30ff\u31f0-\u31ff"
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_HAN = r"\u2e80-\u2fff\u3000-\u303f\u3100-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_EMOJI = r"\u200d\ufe0f\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_CHINESE = ("Noto Serif CJK SC", "Noto Sans CJK SC", "Source Han Serif SC", "PingFang SC", "SimSun")
_JAPANESE = ("Noto Serif CJK JP", "Noto Sans CJK JP", "Source Han Serif", "Hiragino Mincho ProN", "Yu Mincho")
_KOREAN = ("Noto Serif CJK KR", "Noto Sans CJK KR", "Source Han Serif K", "AppleMyungjo", "Batang")

SCRIPTS = (
    _system("Arabic", _ARABIC, "Noto Naskh Arabic", "Amiri", "Noto Sans Arabic", "Geeza Pro", "Arial"),
    _system("Hebrew", r"\u0590-\u05ff\ufb1d-\ufb4f", "Noto Serif Hebrew", "Noto Sans Hebrew", "Arial Hebrew", "David"),
    _system("Devanagari", r"\u0900-\u097f\ua8e0-\ua8ff", "Noto Serif Devanagari", "Noto Sans Devanagari", "Mangal"),
    _system("Japanese", _KANA, *_JAPANESE),
    _system("Korean", _HANGUL, *_KOREAN),
    _system("Chinese", _HAN, *_CHINESE),
    _system("emoji", _EMOJI, "Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji"),
)
_SYMBOL_FAMILIES = ("Noto Sans Symbols", "Noto Sans Symbols 2", "Noto Sans Math")
_OTHER_FAMILIES = ("Noto Serif", "Noto Sans", "DejaVu Serif", "DejaVu Sans", *_SYMBOL_FAMILIES)
_FIRST = {"zh": _CHINESE, "ja": _JAPANESE, "ko": _KOREAN}
# They come with Typst.
_TEXT_FAMILY = "Libertinus Serif"
_OWN_FAMILIES = ("New Computer Modern", "DejaVu Sans Mono")


def families_for(language: str, available: Iterable[str]) -> tuple[str, ...]:
    """Return the available families for a text in the language of this tag, in the order in which they are tried."""
    known = set(available)
    of_language = _FIRST.get(language.partition("-")[0], ())
    of_scripts = (family for script in SCRIPTS for family in script.families)
    wanted = (_TEXT_FAMILY, *of_language, *of_scripts, *_OTHER_FAMILIES, *_OWN_FAMILIES)
    return tuple(dict.fromkeys(family for family in wanted if family in known))


def script_of(character: str) -> WritingSystem:
    """Return the script of a character; one that has no entry is called as Unicode calls its characters."""
    for script in SCRIPTS:
        if script.characters.match(character):
            return script
    name, category = unicodedata.name(character, "").partition(" ")[0].capitalize(), unicodedata.category(character)
    if not name:
        return _unnamed(f"the private or unknown character U+{ord(character):04X}", "a font that has it")
    if category.startswith(("L", "M")):
        return _unnamed(name, f"Noto Sans {name}")
    return _unnamed("symbols", *_SYMBOL_FAMILIES)


def _unnamed(name: str, *families: str) -> WritingSystem:
    return WritingSystem(name, re.compile("(?!)"), families)
