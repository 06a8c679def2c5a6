import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.checklist import Checklist, ChecklistRequest, Item
from aether.domain.text_field import trim
from aether.errors import FieldError


class Body(ChecklistRequest, frozen=True):
    def __post_init__(self) -> None:
        trim(self)


def texts(*given_texts: str) -> list[str]:
    return [item.text for item in Checklist.of(Item(text, "quote") for text in given_texts).items]


def test_a_guideline_is_kept_as_it_was_written_but_for_the_space_around_it() -> None:
    assert Body("\n  Wash hands.\r\n\n\tAlways.  \n").input_text == "Wash hands.\r\n\n\tAlways."


@pytest.mark.parametrize("length", [1, 20_000])
def test_a_guideline_may_be_as_long_as_this(length: int) -> None:
    assert len(Body("x" * length + " ").input_text) == length


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001, "bell \x07"])
def test_what_is_no_guideline_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="input_text"):
        Body(text)


def test_what_is_stored_is_not_judged_again() -> None:
    assert msgspec.json.decode(b'{"input_text": "", "new": 1}', type=ChecklistRequest) == ChecklistRequest("")


def test_the_markdown_has_one_bullet_for_each_item() -> None:
    assert Checklist.of([Item("Wash hands", "wash"), Item("Dry them", "dry")]).markdown == "- Wash hands\n- Dry them"


def test_an_empty_checklist_has_no_bullets() -> None:
    assert Checklist.of([]).markdown == ""


@pytest.mark.parametrize("again", ["wash hands", "Wash  hands!", "WASH HANDS", "Wash-hands", "“Wash hands.”"])
def test_an_item_that_was_said_before_is_left_out(again: str) -> None:
    assert texts("Wash hands", "Dry them", again) == ["Wash hands", "Dry them"]


@pytest.mark.parametrize("other", ["Wash 2 hands", "Wäsh hands", "Wash hand"])
def test_an_item_that_says_something_else_is_kept(other: str) -> None:
    assert texts("Wash hands", other) == ["Wash hands", other]


@pytest.mark.parametrize("nothing", ["", " ", "…", "**"])
def test_an_item_without_a_word_is_none(nothing: str) -> None:
    assert texts(nothing, "Wash hands") == ["Wash hands"]


@given(st.lists(st.text(max_size=3)))
def test_a_tidy_checklist_stays_as_it_is(given_texts: list[str]) -> None:
    once = Checklist.of(Item(text, "quote") for text in given_texts)

    assert Checklist.of(once.items) == once
