"""Language names: the codes of the languages that a caller may ask for, in English or in their own words."""

import re

_NAMES = {
    "en": "English englisch anglais inglés inglese inglês engels английский 英语 英語 영어 الإنجليزية",
    "de": "German Deutsch allemand alemán tedesco alemão duits немецкий 德语 德文 ドイツ語 독일어 الألمانية",
    "fr": "French français francais französisch francés francese francês французский 法语 法文 フランス語 الفرنسية",
    "es": "Spanish español espanol castellano spanisch espagnol espanhol испанский 西班牙语 スペイン語 الإسبانية",
    "it": "Italian italiano italienisch italien итальянский 意大利语 イタリア語",
    "pt": "Portuguese português portugues portugiesisch portugais portugués португальский 葡萄牙语",
    "nl": "Dutch Nederlands niederländisch néerlandais holandés нидерландский 荷兰语",
    "sv": "Swedish svenska schwedisch suédois sueco шведский",
    "da": "Danish dansk dänisch danois датский",
    "no": "Norwegian norsk bokmål nynorsk norwegisch norvégien норвежский",
    "fi": "Finnish suomi finnisch finnois финский",
    "pl": "Polish polski polnisch polonais польский 波兰语",
    "cs": "Czech čeština česky tschechisch tchèque чешский",
    "sk": "Slovak slovenčina slowakisch",
    "hu": "Hungarian magyar ungarisch hongrois венгерский",
    "ro": "Romanian română rumänisch roumain румынский",
    "tr": "Turkish Türkçe türkisch turc турецкий 土耳其语",
    "vi": "Vietnamese Việt vietnamesisch вьетнамский 越南语",
    "id": "Indonesian Indonesia indonesisch индонезийский 印尼语",
    "hr": "Croatian hrvatski kroatisch",
    "sr": "Serbian srpski српски serbisch",
    "ca": "Catalan català katalanisch",
    "el": "Greek Ελληνικά griechisch grec греческий 希腊语",
    "he": "Hebrew עברית hebräisch",
    "ru": "Russian русский russisch russe ruso 俄语 俄文 ロシア語 الروسية",
    "uk": "Ukrainian українська ukrainisch украинский",
    "bg": "Bulgarian български bulgarisch",
    "ar": "Arabic العربية عربي arabisch arabe árabe арабский 阿拉伯语",
    "fa": "Persian Farsi فارسی persisch",
    "ur": "Urdu اردو",
    "hi": "Hindi हिन्दी हिंदी",
    "bn": "Bengali বাংলা",
    "ta": "Tamil தமிழ்",
    "th": "Thai ไทย ภาษาไทย",
    "ko": "Korean 한국어 koreanisch coréen 韩语",
    "ja": "Japanese 日本語 japanisch japonais 日语 японский",
    "zh": "Chinese 中文 汉语 漢語 普通话 简体中文 繁體中文 Mandarin chinesisch chinois chino китайский 中国語 الصينية",
}
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f\u0900-\u0dff\u0e00-\u0e7f]+[^\W\d_]*)*")
_CODES = {name.casefold(): code for code, names in _NAMES.items() for name in names.split()}
_ENGLISH = {code: names.split()[0] for code, names in _NAMES.items()}
_THREE_LETTERS = {
    "eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "por": "pt", "nld": "nl",
    "rus": "ru", "zho": "zh", "chi": "zh", "jpn": "ja", "kor": "ko", "ara": "ar", "nob": "no", "nb": "no", "nn": "no",
}  # fmt: skip


def code_of(words: str) -> str | None:
    """Return the ISO 639-1 code of the language that words name, as "Brazilian Portuguese" and "pt-BR" do."""
    found = _WORD.findall(words.casefold())
    codes = {_CODES[word] for word in found if word in _CODES}
    if not codes and found and len(found[0]) <= 3:  # noqa: PLR2004 - the letters of a code
        code = _THREE_LETTERS.get(found[0], found[0])
        codes = {code} & _ENGLISH.keys()
    return codes.pop() if len(codes) == 1 else None


def name_of(code: str) -> str:
    """Return the English name of a language, or its code if that is not known."""
    return _ENGLISH.get(code, code)
