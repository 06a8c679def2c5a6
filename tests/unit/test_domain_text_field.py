import re
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from aether.domain.plain_text import is_blank
from aether.domain.report_request import ReportRequest
from aether.domain.text_field import text, trim
from aether.errors import FieldError


class Letter(msgspec.Struct, frozen=True, rename="camel"):
    """A struct with each form of text field."""

    from_whom: Annotated[str, text("Sender.", 5)] = "me"
    to_whom: Annotated[str, text("Receiver.", 5)] | UnsetType = UNSET
    body_text: Annotated[str, text("Body.", 20, multiline=True)] | None = None
    copies_to: tuple[Annotated[str, text("Reader.", 5)], ...] = ()
    title: Annotated[str, text("Title.", 100, markup="*-")] = "letter"
    postmark: str = "  as it is\n"

    def __post_init__(self) -> None:
        trim(self)


def test_text_fields_are_trimmed_and_others_left() -> None:
    letter = Letter("  ada ", "\tbob\n", " one\r\ntwo\t\n", (" c ", "d"))

    assert Letter("ada", "bob", "one\r\ntwo", ("c", "d"), postmark="  as it is\n") == letter


def test_unset_fields_stay_unset() -> None:
    assert (Letter().to_whom, Letter().body_text, Letter().copies_to) == (UNSET, None, ())


BLANK = {
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff\ufeff",
    "joiners": "\u200c\u200d",
    "word joiner in spaces": " \u2060\t",
    "soft hyphens": "\u00ad\u00ad",
    "directions": "\u200e\u200f\u061c",
    "isolates": "\u2066\u2069",
    "embeddings": "\u202a\u202c",
    "grapheme joiner": "\u034f",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "Mongolian separator": "\u180e",
    "empty Braille": "\u2800",
    "variation selectors": "\ufe0f\U000e0100",
    "invisible operators": "\u2061\u2062\u2063",
    "tags": "\U000e0001\U000e0041",
    "music": "\U0001d173",
    "mixed": "\u200b \u3000\ufeff\n\u00ad",
}.values()
LENGTH = "must be 1 to 5 characters long, without the space around it"
CONTROLS = "must not contain control characters"


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"fromWhom": ""}, "fromWhom", LENGTH),
        ({"fromWhom": " \n\u00a0 "}, "fromWhom", LENGTH),
        ({"fromWhom": "123456"}, "fromWhom", LENGTH),
        ({"toWhom": "a\nb"}, "toWhom", CONTROLS),
        ({"toWhom": "a\x00b"}, "toWhom", CONTROLS),
        ({"toWhom": "a\x9fb"}, "toWhom", CONTROLS),
        ({"toWhom": "a\u2028b"}, "toWhom", CONTROLS),
        ({"bodyText": "a\x1bb"}, "bodyText", f"{CONTROLS} other than line breaks"),
        ({"copiesTo": ["a", "  "]}, "copiesTo[1]", LENGTH),
        ({"copiesTo": ["a\tb"]}, "copiesTo[0]", CONTROLS),
        ({"title": "- **"}, "title", "must hold words, not only marks"),
        ({"title": "-\u200b*"}, "title", "must hold words, not only marks"),
        *(({"fromWhom": blank}, "fromWhom", LENGTH) for blank in BLANK),
        *(({"copiesTo": [blank]}, "copiesTo[0]", LENGTH) for blank in BLANK),
    ],
)
def test_an_error_names_the_field_as_on_the_wire(body: object, field: str, rule: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(body, Letter)

    cause = refused.value.__cause__
    assert isinstance(cause, FieldError)
    assert (field, rule, f"{field}: {rule}") == (cause.field, cause.rule, str(cause))


@pytest.mark.parametrize("value", ["\ufeffRome", "\u200b \u200eRome", "می\u200cخ", "❤\ufe0f", "ന്\u200d"])
def test_invisible_characters_that_mean_something_stay(value: str) -> None:
    """Those before a text mean nothing; within and behind letters they shape them."""
    assert value.lstrip("\ufeff\u200b\u200e ") == Letter(value).from_whom


@pytest.mark.parametrize("value", ["12345", "  12345  ", "äöüß€", "👩‍🚀", "a b"])
def test_the_limit_counts_characters_after_trimming(value: str) -> None:
    assert value.strip() == Letter(value).from_whom


def test_the_description_states_the_limits() -> None:
    schema = msgspec.json.schema(Letter)["$defs"]["Letter"]["properties"]["fromWhom"]

    assert schema["description"] == "Sender. 1 to 5 characters."


def is_in_pattern(character: str) -> bool:
    """Invisible characters beyond U+FFFF cannot be named in the patterns of every regex dialect."""
    return character <= "\uffff" or not is_blank(character)


@pytest.mark.parametrize("field", ["fromWhom", "bodyText", "title"])
@given(
    text=st.text(
        alphabet=st.one_of(
            st.sampled_from(" \t\n\x0b\x1c\x85\u2028\u00a0*-\0a\u200b\ufeff\u00ad"),
            st.characters().filter(is_in_pattern),
        ),
        max_size=24,
    )
)
@example(text=" \n12345\x1f")
@example(text=" 123456")
@example(text="a\nb")
@example(text="a\x85b")
@example(text="- * -")
@example(text="-\u00a0* a")
@example(text="\u200b \ufeff12345\u200b")
@example(text="\u200b-\u2060*")
@example(text="*\u200b*\u200b")
def test_the_pattern_in_the_schema_matches_exactly_the_accepted_texts(field: str, text: str) -> None:
    pattern = next(
        part["pattern"] for part in _parts(msgspec.json.schema(Letter)["$defs"]["Letter"]["properties"][field])
    )
    try:
        msgspec.convert({field: text}, Letter)
        accepted = True
    except msgspec.ValidationError:
        accepted = False

    # Only in Python does "$" also match before a trailing line break.
    assert accepted == bool(re.search(pattern.removesuffix("$") + r"\Z", text))


def _parts(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in (schema, *schema.get("anyOf", ())) if "pattern" in part]


def test_no_text_takes_long_to_reject() -> None:
    pattern = next(
        part["pattern"]
        for part in _parts(msgspec.json.schema(ReportRequest)["$defs"]["ReportRequest"]["properties"]["instructions"])
    )

    for long_text in (" " * 20_000 + "\0", "a " * 20_000 + "\0", "a" * 20_000 + "\0"):
        assert re.search(pattern, long_text) is None


def test_a_stored_request_is_read_unchanged() -> None:
    """The rules are for callers, and may change while a job waits."""
    request = ReportRequest(" Rome ")

    assert request == msgspec.json.decode(msgspec.json.encode(request), type=ReportRequest)
