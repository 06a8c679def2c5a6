import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.workflows.llm.quotes import Source

TEXT = """1. Staff must wash their hands for at least 20 seconds
   before they handle food (rings off!).
2. “Raw meat” is stored below cooked food.

- Cafés check every fridge at < 5 °C twice a day
- Cloths are replaced every four hours. Sponges too.
"""
HANDS = "Staff must wash their hands for at least 20 seconds\n   before they handle food (rings off!)."


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("Cloths are replaced every four hours.", "Cloths are replaced every four hours."),
        ("  “Cloths are replaced”\n", "Cloths are replaced"),
        ("cloths ARE\n\treplaced", "Cloths are replaced"),
        ("20 seconds before they handle food", "20 seconds\n   before they handle food"),
        ('"raw meat" is stored', "Raw meat” is stored"),
        ("Cloths, are: replaced", "Cloths are replaced"),
        ("cafes check every fridge", "Cafés check every fridge"),
        ("every fridge at < 5 °C", "every fridge at < 5 °C"),
        ("Cloths … replaced every four hours", "replaced every four hours"),
        ("Cloths [...] replaced every four hours", "replaced every four hours"),
    ],
)
def test_a_true_quote_is_the_span_of_the_text(claim: str, quote: str) -> None:
    assert quote == Source(TEXT).quote("", claim)


@pytest.mark.parametrize(
    ("statement", "claim", "quote"),
    [
        ("Wash hands for 20 seconds before handling food", "", HANDS),
        ("Wash your hands", "Staff has to wash hands for at least 20 seconds before handling food", HANDS),
        ("Change the cloths every four hours", "change them often", "Cloths are replaced every four hours."),
        ("Store raw meat below cooked food", "Staff must wear gloves", "Raw meat” is stored below cooked food."),
        ("Replace cloths every four hours", "Staff must wash their hands", "Cloths are replaced every four hours."),
        ("Store raw meat below cooked food", "e", "Raw meat” is stored below cooked food."),
    ],
)
def test_without_a_true_quote_the_nearest_passage_is_taken(statement: str, claim: str, quote: str) -> None:
    assert quote == Source(TEXT).quote(statement, claim)


@pytest.mark.parametrize(
    ("statement", "claim"),
    [
        ("Be kind to everybody", ""),
        ("Staff must wear gloves and masks", "Gloves and masks are mandatory"),
        ("Buy a new dishwasher", "for"),
        ("", ""),
        ("???", "!!!"),
    ],
)
def test_what_rests_on_nothing_has_no_quote(statement: str, claim: str) -> None:
    assert Source(TEXT).quote(statement, claim) is None


def test_a_true_quote_stands_for_an_item_in_another_language() -> None:
    assert Source(TEXT).quote("Lappen alle vier Stunden wechseln", "cloths are replaced") == "Cloths are replaced"


@pytest.mark.parametrize("claim", ["他们必须洗手", "他们 必须\n洗手"])
def test_scripts_without_spaces_are_quoted_from_the_middle_of_a_line(claim: str) -> None:
    assert Source("所有员工在处理食物前他们必须洗手二十秒。生肉放在熟食下面。").quote("", claim) == "他们必须洗手"


def test_scripts_without_spaces_have_passages_too() -> None:
    assert Source("员工必须洗手二十秒。生肉放在熟食下面。").quote("生肉应放在熟食下面", "") == "生肉放在熟食下面。"


def test_a_quote_neither_begins_nor_ends_inside_a_word() -> None:
    assert Source("Unwashed handset. Wash the washed hands.").quote("", "washed hand") is None
    assert Source("Unwashed hands. Now washed hands.").quote("", "washed hands") == "washed hands"


def test_a_long_quote_is_shortened_at_a_word() -> None:
    text = "wash the hands again and again " * 20

    quote = Source(text).quote("", text)

    assert quote == text[:201].rpartition(" ")[0]


def test_a_long_sentence_is_quoted_by_the_piece_that_says_it() -> None:
    text = "the usual words of the law " * 20 + "and lock the archive at night"

    quote = Source(text).quote("Lock the archive at night", "")

    assert quote is not None
    assert "lock the archive" in quote
    assert len(quote) <= 200


PIECES = st.sampled_from(
    ["wash ", "hands", ". ", "\n", "- ", "“", "É", "e\u0301", "ß", "ﬁ", "洗手", "…", "< ", "5", "x" * 90]
)
TEXTS = st.text(max_size=60) | st.lists(PIECES, max_size=30).map("".join)


@given(TEXTS, TEXTS, TEXTS)
def test_every_quote_stands_in_the_text_and_is_short(text: str, statement: str, claim: str) -> None:
    quote = Source(text).quote(statement, claim)

    assert quote is None or (quote in text and 1 <= len(quote) <= 200)


@given(st.lists(PIECES, min_size=1, max_size=30).map("".join), st.data())
def test_any_span_that_begins_and_ends_with_words_is_found_again(text: str, data: st.DataObject) -> None:
    words = [at for at in range(len(text) + 1) if text[at - 1 : at + 1].isspace() or at in {0, len(text)}]
    start, end = sorted((data.draw(st.sampled_from(words)), data.draw(st.sampled_from(words))))
    claim = text[start:end].upper()
    if sum(map(str.isalnum, claim)) >= 8 and "…" not in claim:
        assert Source(text).quote("", claim) is not None
