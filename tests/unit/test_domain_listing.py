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


def encode(key: str) -> str:
    return key.encode().hex()


def test_a_sort_key_is_the_creation_time_in_milliseconds_and_the_id() -> None:
    assert replace(ENTRY, created_at=NOON + timedelta(microseconds=7_999)).sort_key == "001793534400007:4f9c"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_a_millisecond_later_gives_a_greater_sort_key(created_at: datetime) -> None:
    older, newer = (replace(ENTRY, created_at=created_at + timedelta(milliseconds=late)) for late in (0, 1))

    assert older.sort_key < newer.sort_key


@pytest.mark.parametrize("job_id", ["4f9c", "a b:~", "x" * 150])
def test_a_cursor_decodes_to_its_sort_key(job_id: str) -> None:
    key = replace(ENTRY, id=job_id).sort_key

    assert key == decode_cursor(encode_cursor(key))


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
        encode("001793534400007:4f9c") + "!",
        encode("1793534400007:4f9c"),
        encode("001793534400007"),
        encode("00179353440000x:4f9c"),
        encode("٠٠١٧٩٣٥٣٤٤٠٠٠٠٧:4f9c"),
        encode("001793534400007:\xff"),
        encode("001793534400007:4f9c").upper(),
        encode("001793534400007:4f9c") + "\n",
        encode("001793534400007:4f9c")[:-1],
    ],
)
def test_an_invalid_cursor_is_rejected(cursor: str) -> None:
    with pytest.raises(FieldError) as refused:
        decode_cursor(cursor)

    assert refused.value.field == "cursor"


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True))
def test_every_text_that_matches_the_pattern_is_a_cursor(cursor: str) -> None:
    """The pattern is in the OpenAPI document; the API must accept what the document allows."""
    assert cursor == encode_cursor(decode_cursor(cursor))


@given(st.text())
def test_any_other_text_raises_an_error_that_names_the_parameter(text: str) -> None:
    if not re.fullmatch(CURSOR_PATTERN.removesuffix("$"), text):
        with pytest.raises(FieldError, match=r"^cursor: "):
            decode_cursor(text)
