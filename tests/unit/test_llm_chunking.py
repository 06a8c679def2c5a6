import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.workflows.llm.chunking import split, split_to_fit

TEXTS = st.text(min_size=1) | st.lists(
    st.sampled_from(["Wash hands. ", "\n", "\n\n", "- item\n", "洗手。", "word ", "x" * 30]), min_size=1
).map("".join)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two.\n\nThree. Four.", ("One. Two.\n\n", "Three. Four.")),
        ("- one and two\n- three, four", ("- one and two\n", "- three, four")),
        ("One is\nhere. Two is\nhere.", ("One is\nhere. ", "Two is\nhere.")),
        ("one two three four", ("one two ", "three four")),
        ("洗手二十秒。生肉放下面。", ("洗手二十秒。", "生肉放下面。")),
        ("abcdef", ("abc", "def")),
    ],
)
def test_a_text_is_cut_at_the_best_place_near_the_middle(text: str, parts: tuple[str, ...]) -> None:
    assert split(text, 2) == parts


@given(TEXTS, st.integers(1, 40))
def test_nothing_is_lost(text: str, count: int) -> None:
    parts = split(text, count)

    assert "".join(parts) == text
    assert len(parts) == count


@given(TEXTS, st.integers(1, 50))
def test_as_few_parts_are_made_as_fit(text: str, most: int) -> None:
    parts = split_to_fit(text, lambda part: len(part) <= most)

    assert "".join(parts) == text
    assert max(map(len, parts)) <= most
    assert len(parts) == 1 or max(map(len, split(text, len(parts) - 1))) > most


def test_a_text_of_which_little_fits_is_cut_into_many_parts() -> None:
    assert len(split_to_fit("<" * 20_000, lambda part: len(part) <= 100)) == 200


def test_a_text_that_fits_is_one_part() -> None:
    assert split_to_fit("Wash hands.", lambda _: True) == ("Wash hands.",)
