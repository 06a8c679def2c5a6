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


def texts(*raw_texts: str) -> list[str]:
    return [item.text for item in Checklist.of(Item(text, "quote") for text in raw_texts).items]


def test_a_guideline_is_only_trimmed() -> None:
    assert Body("\n  Wash hands.\r\n\n\tAlways.  \n").input_text == "Wash hands.\r\n\n\tAlways."


@pytest.mark.parametrize("length", [1, 20_000])
def test_a_guideline_of_this_length_is_accepted(length: int) -> None:
    assert len(Body("x" * length + " ").input_text) == length


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001, "bell \x07"])
def test_an_invalid_guideline_is_rejected(text: str) -> None:
    with pytest.raises(FieldError, match="input_text"):
        Body(text)


def test_a_stored_request_is_not_validated_again() -> None:
    assert msgspec.json.decode(b'{"input_text": "", "new": 1}', type=ChecklistRequest) == ChecklistRequest("")


def test_the_markdown_has_one_bullet_for_each_item() -> None:
    assert Checklist.of([Item("Wash hands", "wash"), Item("Dry them", "dry")]).markdown == "- Wash hands\n- Dry them"


def test_an_empty_checklist_has_no_bullets() -> None:
    assert Checklist.of([]).markdown == ""


@pytest.mark.parametrize("again", ["wash hands", "Wash  hands!", "WASH HANDS", "Wash-hands", "“Wash hands.”"])
def test_a_repeated_item_is_left_out(again: str) -> None:
    assert texts("Wash hands", "Dry them", again) == ["Wash hands", "Dry them"]


@pytest.mark.parametrize("other", ["Wash 2 hands", "Wäsh hands", "Wash hand"])
def test_a_different_item_is_kept(other: str) -> None:
    assert texts("Wash hands", other) == ["Wash hands", other]


@pytest.mark.parametrize("nothing", ["", " ", "…", "**"])
def test_an_item_without_a_word_is_left_out(nothing: str) -> None:
    assert texts(nothing, "Wash hands") == ["Wash hands"]


@given(st.lists(st.text(max_size=3)))
def test_a_clean_checklist_is_unchanged(raw_texts: list[str]) -> None:
    once = Checklist.of(Item(text, "quote") for text in raw_texts)

    assert Checklist.of(once.items) == once
