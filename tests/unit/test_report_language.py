import pytest

from aether.workflows.report.prompts.language import is_not_english


@pytest.mark.parametrize(
    "topic",
    [
        *(
            "Die Geschichte des Fahrrads",
            "Der Mond",
            "L'histoire du pain",
            "La historia de los trenes",
            "El Niño y la pesca",
        ),
        *("Storia della bicicletta", "История хлеба", "パンの歴史", "تاريخ الخبز", "Historia chleba w Polsce"),
        *("Het leven van bijen", "Künstliche Intelligenz für Ärzte", "Kaffee und Kaffeekultur in Wien"),
    ],
)
def test_a_topic_tells_that_it_is_not_english(topic: str) -> None:
    assert is_not_english(topic)


@pytest.mark.parametrize(
    "topic",
    [
        *(
            "The Roman Empire",
            "Black holes",
            "Café culture in Paris",
            "Die casting",
            "How vaccines work",
            "Tea",
            "Jazz",
        ),
        *(
            "Los Angeles and the history of film",
            "Schrödinger's cat",
            "Beyoncé",
            "C++ in 2026",
            "São Paulo in the 1920s",
        ),
    ],
)
def test_an_english_topic_is_taken_for_one(topic: str) -> None:
    assert not is_not_english(topic)


@pytest.mark.parametrize(
    ("language", "other"), [("English", False), ("en-GB", False), ("German", True), ("日本語", True)]
)
def test_the_language_that_is_named_counts(language: str, *, other: bool) -> None:
    assert is_not_english("Brot", language) is other
    assert is_not_english("The history of bread", language) is other
