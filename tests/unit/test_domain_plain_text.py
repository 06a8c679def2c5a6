import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.domain.plain_text import clean, is_blank, shorten, visible_part


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b\x1b[31mc\x07", "ab[31mc"),
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i", "a\nb\nc\nd\ne\nf\ng\nh\ni"),
        ("a\tb\u200dc\u200b", "a\tb\u200dc\u200b"),
        ("a\u202eb\u202cc\u2066d\u2069e\u200ff\u200eg\u061ch\u202ai\u202bj\u202dk", "abcde\u200ff\u200eg\u061chijk"),
        ("a\x7f\x80\x9b31mb", "a31mb"),
        ("a\ud83cb", "a\ufffdb"),
        ("🏛 é", "🏛 é"),
    ],
)
def test_control_characters_go_and_line_breaks_become_line_feeds(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(alphabet=st.characters() | st.sampled_from("\x00\x1b\r\n\u2028\ud800")))
def test_a_cleaned_text_can_be_stored_and_shown(text: str) -> None:
    cleaned = clean(text)

    assert {each for each in cleaned if unicodedata.category(each) in {"Cc", "Zl", "Zp", "Cs"}} <= {"\n", "\t"}
    assert clean(cleaned) == cleaned == msgspec.json.decode(msgspec.json.encode(cleaned))


@pytest.mark.parametrize("blank", ["", " \n", "\u200b", "\ufeff\u00ad", "\u3164", "\u2800", "\U000e0041", "\x00\x1b"])
def test_a_text_that_shows_nothing_is_blank(blank: str) -> None:
    assert is_blank(blank)
    assert (visible_part(f"{blank}a{blank}"), visible_part(blank)) == (f"a{blank}", "")


@pytest.mark.parametrize("text", ["a", "\u200b.", "一", "👩‍🚀", "\u0301", "\u0600", "\ufffd"])
def test_a_text_that_shows_something_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize(
    ("text", "short"), [("one two", "one two"), ("one two three", "one …"), ("onetwothree", "onetwot …")]
)
def test_a_long_text_is_cut_behind_a_word(text: str, short: str) -> None:
    assert shorten(text, 7) == short
