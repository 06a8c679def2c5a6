import pytest

from aether.workflows.report.prompts.title_choice import choose_titles


def chosen(*titles: str, topic: str = "The Roman Empire", count: int = 3) -> list[str]:
    return choose_titles(titles, topic, count, count)


def test_good_titles_stay_in_their_order() -> None:
    assert chosen("Law", "Roads", "Trade", "Art") == ["Law", "Roads", "Trade"]


@pytest.mark.parametrize(
    "bad",
    [
        *("The Roman Empire", "Romans and Their Empire"),  # only the topic
        *(
            "Introduction",
            "Conclusion and Insights",
            "Overview of the Empire",
            "FAQs",
            "Further Reading",
            "Case Studies",
        ),
        *("Recommendations for Future Research", "Summary of This Report", "The Basics"),  # of any report
        *("Roman Roads in the Empire", "Roads and Bridges"),  # like "Roads"
        *("Procedures and More Procedures", "The Life of the Living in Life"),  # a word twice
        "A Title Which Goes on and on without Any Need at All",
    ],
)
def test_a_title_with_a_fault_is_taken_only_if_there_are_no_others(bad: str) -> None:
    assert chosen("Roads", bad, "Law", "Trade") == ["Roads", "Law", "Trade"]
    assert chosen("Roads", bad, "Law") == ["Roads", bad, "Law"]


def test_a_title_is_never_there_twice() -> None:
    assert chosen("Law", "law", "Law", "LAW") == ["Law"]


def test_of_titles_that_begin_alike_two_are_enough() -> None:
    titles = ("Impact on Trade", "Impact on Law", "Impact on Art", "Roads")

    assert chosen(*titles) == ["Impact on Trade", "Impact on Law", "Roads"]


def test_a_small_word_at_the_end_is_taken_off() -> None:
    assert chosen("Law and", "Trade, Roads &", "The Art of the", "War,") == ["Law", "Trade, Roads", "The Art"]


@pytest.mark.parametrize("nothing", ["", " ", "-", "123", "&"])
def test_a_title_without_letters_is_none(nothing: str) -> None:
    assert chosen(nothing, "Law") == ["Law"]


def test_titles_in_other_scripts_are_compared_too() -> None:
    assert chosen("Право", "Дороги", "Дорога Рима", "Торговля", topic="Рим") == ["Право", "Дороги", "Торговля"]


def test_where_fewer_are_enough_there_is_none_with_a_fault() -> None:
    assert choose_titles(["Roads", "Conclusion", "Law"], "Rome", 3, 2) == ["Roads", "Law"]
    assert choose_titles(["Roads", "Conclusion"], "Rome", 3, 2) == ["Roads", "Conclusion"]
