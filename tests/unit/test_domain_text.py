from typing import Annotated

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from aether.domain.report import ReportRequest
from aether.domain.text import text, trim
from aether.errors import FieldError


class Letter(msgspec.Struct, frozen=True, rename="camel"):
    """A text of every form."""

    from_whom: Annotated[str, text("Sender.", 5)] = "me"
    to_whom: Annotated[str, text("Receiver.", 5)] | UnsetType = UNSET
    body_text: Annotated[str, text("Body.", 20, lines=True)] | None = None
    copies_to: tuple[Annotated[str, text("Reader.", 5)], ...] = ()
    postmark: str = "  as it is\n"

    def __post_init__(self) -> None:
        trim(self)


def test_texts_are_trimmed_and_everything_else_is_left() -> None:
    letter = Letter("  ada ", "\tbob\n", " one\r\ntwo\t\n", (" c ", "d"))

    assert Letter("ada", "bob", "one\r\ntwo", ("c", "d"), "  as it is\n") == letter


def test_what_is_not_given_stays_so() -> None:
    assert (Letter().to_whom, Letter().body_text, Letter().copies_to) == (UNSET, None, ())


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
    ],
)
def test_a_broken_rule_names_the_field_as_the_caller_wrote_it(body: object, field: str, rule: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(body, Letter)

    cause = refused.value.__cause__
    assert isinstance(cause, FieldError)
    assert (field, rule, f"{field}: {rule}") == (cause.field, cause.rule, str(cause))


@pytest.mark.parametrize("value", ["12345", "  12345  ", "äöüß€", "👩‍🚀", "a b"])
def test_the_limit_counts_characters_without_the_space_around_them(value: str) -> None:
    assert value.strip() == Letter(value).from_whom


def test_the_limits_stand_in_the_schema() -> None:
    schema = msgspec.json.schema(Letter)["$defs"]["Letter"]["properties"]["fromWhom"]

    assert (schema["minLength"], schema["maxLength"], schema["description"]) == (1, 5, "Sender.")


def test_a_stored_request_is_read_as_it_was_stored() -> None:
    """Rules are for callers; they may change while a job waits."""
    request = ReportRequest(" Rome ")

    assert request == msgspec.json.decode(msgspec.json.encode(request), type=ReportRequest)
