import sys
from collections.abc import Iterator

import pytest

from aether.workflows.report.quality import detectors
from aether.workflows.report.quality.detectors import by_library, by_words, topic_language
from aether.workflows.report.quality.language import Languages, detect_languages, expected_language, find_foreign
from aether.workflows.report.quality.language_names import code_of
from tests.prose import BY_LANGUAGE, FRENCH, GERMAN, RUSSIAN

CODES = {name: code_of(name) for name in BY_LANGUAGE}
SWAHILI = (
    "Mji huu ulianza kama kijiji kidogo cha wavuvi kando ya bahari. Watu wake walifanya biashara na wageni kutoka nchi "
    "nyingi, na baada ya miaka mia moja kikawa mji mkubwa wenye soko, bandari na misikiti mingi ya mawe."
)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    detectors._library.cache_clear()
    yield
    detectors._library.cache_clear()


@pytest.mark.parametrize("language", BY_LANGUAGE)
def test_frequent_words_tell_the_language_of_prose(language: str) -> None:
    told = {by_words(text) for text in BY_LANGUAGE[language].values()}

    assert told <= {CODES[language], None}
    assert by_words("\n".join(BY_LANGUAGE[language].values())) == CODES[language]


def test_the_library_tells_a_language_whose_words_are_not_known() -> None:
    assert by_words(SWAHILI) is None
    assert detect_languages([SWAHILI, None, "Too short."]) == Languages("py3langid", ("sw", None, None))


@pytest.mark.usefixtures("no_library")
def test_without_the_library_frequent_words_tell_what_they_can() -> None:
    german = next(iter(GERMAN.values()))

    assert by_library(SWAHILI) is None
    assert detect_languages([SWAHILI, german]) == Languages("stop words", (None, "de"))
    assert find_foreign(german, "de", "en") is not None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("German", "de"),
        ("Deutsch", "de"),
        ("auf Deutsch, bitte", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("deu", "de"),
        ("Brazilian Portuguese", "pt"),
        ("pt-BR", "pt"),
        ("español", "es"),
        ("简体中文", "zh"),
        ("zh_CN", "zh"),
        ("Simplified Chinese", "zh"),
        ("русский язык", "ru"),
        ("اللغة العربية", "ar"),
        ("हिन्दी", "hi"),
        ("日本語", "ja"),
        ("nb", "no"),
        ("English or German", None),
        ("Klingon", None),
        ("the language of love", None),
        ("", None),
    ],
)
def test_a_language_is_known_by_its_names_and_codes(words: str, code: str | None) -> None:
    assert code_of(words) == code


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("Die Geschichte der Eisenbahn in Bayern", "de"),
        ("The history of the railway", "en"),
        ("L'histoire de la médecine dans les colonies", "fr"),
        ("量子计算", "zh"),
        ("電車の歴史", "ja"),
        ("한국의 철도", "ko"),
        ("Rome", None),
        ("Der Spiegel", None),
        ("Los Angeles", None),
        ("La La Land", None),
        ("Les Misérables", None),
        ("Quantencomputer", None),
        ("Римская империя", None),
    ],
)
def test_only_a_topic_that_leaves_no_doubt_tells_a_language(topic: str, code: str | None) -> None:
    assert topic_language(topic) == code


ALL_ENGLISH = Languages("stop words", ("en", "en", "en"))


@pytest.mark.parametrize(
    ("topic", "language", "instructions", "expected"),
    [
        ("Rome", "German", "", "de"),
        ("Die Geschichte der Eisenbahn", None, "", "de"),
        ("Die Geschichte der Eisenbahn", None, "Write in English", "en"),
        ("Die Geschichte der Eisenbahn", "Klingon", "", "en"),
        ("Rome", None, "", "en"),
    ],
)
def test_the_language_asked_for_comes_before_that_of_the_topic_and_of_most_sections(
    topic: str, language: str | None, instructions: str, expected: str
) -> None:
    assert expected_language(topic, language, instructions, ALL_ENGLISH) == expected


@pytest.mark.parametrize("codes", [("en",), ("en", "de"), (None, None, "en"), ()])
def test_without_a_majority_no_language_is_expected(codes: tuple[str | None, ...]) -> None:
    assert expected_language("Rome", None, "", Languages("stop words", codes)) is None


@pytest.mark.parametrize(("code", "expected"), [("da", "no"), ("nn", "no"), ("sr", "hr"), ("ms", "id"), ("de", "de")])
def test_a_language_that_is_almost_the_same_is_not_foreign(code: str, expected: str) -> None:
    assert find_foreign("Text.", code, expected) is None


def test_a_paragraph_in_another_language_is_foreign_and_a_quotation_is_not() -> None:
    first, second = (next(iter(texts.values())).split("\n\n")[0] for texts in (FRENCH, RUSSIAN))

    assert find_foreign(f"{first}\n\n{second}", "fr", "fr") is not None
    assert find_foreign(f"{first}\n\n> {second}", "fr", "fr") is None
