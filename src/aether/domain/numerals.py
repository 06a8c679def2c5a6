"""Numerals: the numbers that a numeral or a number word may stand for, in many scripts and languages.

All texts are compared in the form that `fold` gives: in lower case, without accents, and with ASCII digits.
"""

# ruff: noqa: RUF001 - the words of other languages look like Latin ones

import unicodedata
from functools import lru_cache

HAN = "〇零一二三四五六七八九十壹壱贰貳弐叁參参肆伍陆陸柒捌玖拾"
"""The Chinese and Japanese digits from 0 to 10, and their formal variants."""

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}
_ALPHABETS = (
    "abcdefghijklmnopqrst",
    "αβγδεζηθικλμνξοπρστυ",
    "абвгдежзиклмнопрстуф",
    "אבגדהוזחטיכלמנסעפצקר",
    "ابتثجحخدذرزسشصضطظعغف",
    "ابجدهوزحطيكلمنسعفصقر",
    "कखगघङचछजझञ",
    "กขคงจฉชซ",
    "가나다라마바사아자차카타파하",
    "アイウエオカキクケコサシスセソタチツテト",
    "イロハニホヘトチリヌルヲ",
    "甲乙丙丁戊己庚辛壬癸",
)
# Each line counts from 1. The words are stems where the language inflects them.
_COUNTS = """
one two three four five six seven eight nine ten eleven twelve
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf
erst zweit dritt viert fünft sechst siebt acht neunt zehnt elft zwölft
een twee drie vier vijf zes zeven acht negen tien elf twaalf
eerst tweed derd vierd vijfd zesd zevend achtst negend tiend elfd twaalfd
ett två tre fyra fem sex sju åtta nio tio
först andra tredje fjärde femte sjätte sjunde åttonde nionde tionde
første anden tredje fjerde femte sjette syvende ottende niende tiende
un deux trois quatre cinq six sept huit neuf dix onze douze
premi deuxi troisi quatri cinqui sixi septi huiti neuvi dixi onzi douzi
uno dos tres cuatro cinco seis siete ocho nueve diez once doce
primer segund tercer cuart quint sext séptim octav noven décim
um dois três quatro cinco seis sete oito nove dez
primeir segund terceir quart quint sext sétim oitav non décim
uno due tre quattro cinque sei sette otto nove dieci
prim second terz quart quint sest settim ottav non decim
unu doi trei patru cinci șase șapte opt nouă zece
jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć
pierwsz drug trzeci czwart piąt szóst siódm ósm dziewiąt dziesiąt
prvn druh třet čtvrt pát šest sedm osm devát desát
один два три четыре пять шесть семь восемь девять десять
перв втор трет четв пят шест седьм восьм девят десят
перш друг трет четверт пят шост сьом восьм девят десят
ένα δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα δέκα
πρώτ δεύτερ τρίτ τέταρτ πέμπτ έκτ έβδομ όγδο ένατ δέκατ
bir iki üç dört beş altı yedi sekiz dokuz on
birinci ikinci üçüncü dördüncü beşinci altıncı yedinci sekizinci dokuzuncu onuncu
első második harmadik negyedik ötödik hatodik hetedik nyolcadik kilencedik tizedik
ensimmäinen toinen kolmas neljäs viides kuudes seitsemäs kahdeksas yhdeksäs kymmenes
الأول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر
أول ثاني ثالث رابع خامس سادس سابع ثامن تاسع عاشر
یکم دوم سوم چهارم پنجم ششم هفتم هشتم نهم دهم
ראשון שני שלישי רביעי חמישי שישי שביעי שמיני תשיעי עשירי
एक दो तीन चार पांच छह सात आठ नौ दस
पहला दूसरा तीसरा चौथा पांचवां छठा सातवां आठवां नौवां दसवां
प्रथम द्वितीय तृतीय चतुर्थ पंचम षष्ठ सप्तम अष्टम नवम दशम
satu dua tiga empat lima enam tujuh delapan sembilan sepuluh
pertama kedua ketiga keempat kelima keenam ketujuh kedelapan kesembilan kesepuluh
một hai ba bốn năm sáu bảy tám chín mười
첫 두 세 네 다섯 여섯 일곱 여덟 아홉 열
หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า สิบ
"""
_MAX_ENDING = 4  # letters after a stem, as in "zweiter" and "deuxième"
_TEN = 10
_WIDE = {"：": ": ", "．": ". ", "）": ") ", "，": "、"}  # these bring their space with them
_MODIFIERS = frozenset({"Mn", "Mc", "Me", "Cf"})


@lru_cache(maxsize=4_096)
def fold(character: str) -> str:
    """Return the form in which a character is compared; empty if it only modifies another or is invisible."""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if _is_enclosed_number(character):
        return f"({int(unicodedata.numeric(character))})"
    if character in _WIDE:
        return _WIDE[character]
    if "가" <= character <= "힣":  # a Korean syllable would fall apart into its letters
        return character
    parts = unicodedata.normalize("NFKD", character)
    kept = "".join(part for part in parts if unicodedata.category(part) not in _MODIFIERS).lower()
    return parts if kept.isspace() and len(parts) > 1 else kept  # an accent on nothing


def fold_all(text: str) -> str:
    """Return the form in which a text is compared."""
    return "".join(map(fold, text))


def numeral_values(numeral: str) -> frozenset[int]:
    """Return the numbers that digits or letters may stand for: "i" is 1 in Roman, and 9 as a letter."""
    if numeral.isdecimal():
        return frozenset({int(numeral)})
    values = {alphabet.index(numeral) + 1 for alphabet in _FOLDED_ALPHABETS if numeral in alphabet}
    if set(numeral) <= _ROMAN.keys():
        values.add(_roman_value(numeral))
    if set(numeral) <= set(HAN):
        values.add(_han_value(numeral))
    return frozenset(values)


def numeral_kind(numeral: str) -> str:
    """Tell digits, Roman numerals, Chinese numerals and letters apart; "i" counts as Roman."""
    if numeral.isdecimal():
        return "digit"
    if set(numeral) <= _ROMAN.keys():
        return "roman"
    return "han" if set(numeral) <= set(HAN) else "letter"


def word_values(word: str) -> frozenset[int]:
    """Return the numbers that a word may stand for, as "two", "second" and "zweiter" stand for 2."""
    return frozenset(value for stem, value in _STEMS if word.startswith(stem) and len(word) - len(stem) <= _MAX_ENDING)


def _is_enclosed_number(character: str) -> bool:
    """Whether this is a number in a circle, in parentheses or with a full stop; not a fraction or an exponent."""
    if unicodedata.category(character) != "No":
        return False
    name = unicodedata.name(character, "")
    return any(word in name for word in ("CIRCLED", "PARENTHESIZED", "FULL STOP"))


def _roman_value(numeral: str) -> int:
    digits = [_ROMAN[digit] for digit in numeral]
    return sum(-digit if digit < max(digits[at:]) else digit for at, digit in enumerate(digits))


def _han_value(numeral: str) -> int:
    """Read a number up to 99, written with a character for ten ("二十一") or with a zero ("二〇")."""
    total, digit = 0, None
    for character in numeral:
        value = int(unicodedata.numeric(character))
        if value == _TEN:
            total, digit = total + _TEN * (1 if digit is None else digit), None
        else:
            digit = value if digit is None else digit * _TEN + value
    return total + (digit or 0)


_FOLDED_ALPHABETS = tuple(map(fold_all, _ALPHABETS))
_STEMS = tuple(
    (fold_all(stem), value) for line in _COUNTS.split("\n") for value, stem in enumerate(line.split(), start=1)
)
