import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aether.domain.job import Kind, Status
from aether.domain.listing import CURSOR_PATTERN, JobSummary, decode_cursor, encode_cursor
from aether.errors import FieldError

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENTRY = JobSummary("4f9c", Kind.REPORT, Status.PENDING, msgspec.Raw(b"{}"), 1, 0.0, NOON, NOON, NOON)


def wrapped(position: str) -> str:
    return position.encode().hex()


def test_a_position_is_the_time_of_creation_in_milliseconds_and_the_id() -> None:
    assert replace(ENTRY, created_at=NOON + timedelta(microseconds=7_999)).sort_key == "001793534400007:4f9c"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_a_millisecond_later_is_a_later_position(created_at: datetime) -> None:
    older, newer = (replace(ENTRY, created_at=created_at + timedelta(milliseconds=late)) for late in (0, 1))

    assert older.sort_key < newer.sort_key


@pytest.mark.parametrize("job_id", ["4f9c", "a b:~", "x" * 150])
def test_a_cursor_leads_back_to_its_position(job_id: str) -> None:
    position = replace(ENTRY, id=job_id).sort_key

    assert position == decode_cursor(encode_cursor(position))


@pytest.mark.parametrize("job_id", ["a", "ab", "abc", "~~~", "???"])
def test_a_cursor_needs_no_quoting_in_a_url(job_id: str) -> None:
    assert set("+/=?&") & set(encode_cursor(replace(ENTRY, id=job_id).sort_key)) == set()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "2",
        "nonsense",
        "ä",
        "a" * 10_000,
        wrapped("001793534400007:4f9c") + "!",
        wrapped("1793534400007:4f9c"),
        wrapped("001793534400007"),
        wrapped("00179353440000x:4f9c"),
        wrapped("٠٠١٧٩٣٥٣٤٤٠٠٠٠٧:4f9c"),
        wrapped("001793534400007:\xff"),
        wrapped("001793534400007:4f9c").upper(),
        wrapped("001793534400007:4f9c") + "\n",
        wrapped("001793534400007:4f9c")[:-1],
    ],
)
def test_what_no_page_has_given_is_no_cursor(cursor: str) -> None:
    with pytest.raises(FieldError) as refused:
        decode_cursor(cursor)

    assert refused.value.field == "cursor"


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True))
def test_whatever_has_the_form_of_a_cursor_is_one(cursor: str) -> None:
    """So that the document, which shows the form, promises nothing that is refused."""
    assert cursor == encode_cursor(decode_cursor(cursor))


@given(st.text())
def test_whatever_else_there_is_names_the_parameter(text: str) -> None:
    if not re.fullmatch(CURSOR_PATTERN.removesuffix("$"), text):
        with pytest.raises(FieldError, match=r"^cursor: "):
            decode_cursor(text)
