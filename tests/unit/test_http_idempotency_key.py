"""Parsing of an Idempotency-Key: a string of RFC 8941, or bare text."""

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aether.api.http.idempotency_key import parse_idempotency_key
from aether.errors import FieldError

VISIBLE = string.ascii_letters + string.digits + string.punctuation
UUID = "8e03978e-40d5-43e8-bc93-6894a57f9324"

keys = st.text(VISIBLE, min_size=1, max_size=255)


def quoted(text: str) -> str:
    """Return the text as a string of RFC 8941 (4.1.6)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(keys)
def test_a_quoted_key_is_the_text_between_its_quotes(key: str) -> None:
    assert key == parse_idempotency_key([quoted(key)])


@given(keys.filter(lambda key: not key.startswith('"')))
def test_a_bare_key_is_the_same_key_as_in_quotes(key: str) -> None:
    assert parse_idempotency_key([quoted(key)]) == parse_idempotency_key([key])


@given(keys, st.text(" \t"), st.text(" \t"))
def test_white_space_around_a_key_is_ignored(key: str, before: str, behind: str) -> None:
    assert key == parse_idempotency_key([before + quoted(key) + behind])


@given(st.text().filter(lambda text: not text.strip(" \t") or not set(text.strip(" \t")) <= set(VISIBLE)))
def test_other_characters_than_visible_ascii_are_rejected(text: str) -> None:
    with pytest.raises(FieldError):
        parse_idempotency_key([text])


@given(st.text())
def test_any_text_is_a_key_of_valid_length_or_rejected(text: str) -> None:
    with suppress(FieldError):
        assert 1 <= len(parse_idempotency_key([text])) <= 255


@pytest.mark.parametrize("line", [UUID, f'"{UUID}"'])
def test_a_uuid_may_be_quoted_or_bare(line: str) -> None:
    assert parse_idempotency_key([line]) == UUID


@pytest.mark.parametrize(
    "line", ["", '"', '""', '"a', '"a"b', '"a" "b"', '"a";q=1', r'"\a"', r'"a\"', "a b", "a\x7f", "é"]
)
def test_an_invalid_key_is_rejected_with_the_rule(line: str) -> None:
    with pytest.raises(FieldError) as refused:
        parse_idempotency_key([line])

    rule = "must be 1 to 255 visible ASCII characters, in quotes or bare"
    assert ("Idempotency-Key", rule) == (refused.value.field, refused.value.rule)


@pytest.mark.parametrize("write", [str, quoted])
def test_the_length_is_measured_without_quotes_and_escapes(write: type[str]) -> None:
    assert parse_idempotency_key([write("\\" * 255)]) == "\\" * 255
    with pytest.raises(FieldError):
        parse_idempotency_key([write("\\" * 256)])


def test_two_keys_are_rejected() -> None:
    with pytest.raises(FieldError) as refused:
        parse_idempotency_key([UUID, UUID])

    assert refused.value.rule == "must be given only once"
