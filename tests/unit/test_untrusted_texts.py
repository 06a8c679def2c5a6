"""Untrusted texts: any header or body is used, ignored or rejected with an error for the caller."""

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from aether.api.http.byte_ranges import UnsatisfiableRangeError, parse_range
from aether.api.http.etag import is_current
from aether.api.http.prefer import MAX_WAIT_S, parse_wait
from aether.api.http.request import decode
from aether.api.http.request_errors import MalformedBodyError
from aether.api.inbox.controller import AcknowledgeBody
from aether.api.jobs.event_stream import parse_cursor
from aether.api.jobs.job_limits import RetryBody
from aether.api.webhooks.schemas import WebhookBody
from aether.errors import FieldError
from tests.service.resources import REPORTS, RESOURCES

REPORT_BODY = REPORTS.body_type
BODIES: list[type[msgspec.Struct]] = [
    *(resource.body_type for resource in RESOURCES),
    RetryBody,
    AcknowledgeBody,
    WebhookBody,
]
NAMES = sorted({field.encode_name for body in BODIES for field in msgspec.structs.fields(body)})

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(), values)

words = st.lists(
    st.sampled_from(["bytes", "wait", "W/", '"7"', "=", "-", ",", ";", " ", "0", "7", "99", "\\"]) | st.text()
)
headers = words.map("".join)


@given(headers)
def test_a_preference_is_a_wait_within_its_bounds_or_none(header: str) -> None:
    assert parse_wait(header) in {None, *range(MAX_WAIT_S + 1)}


@given(headers, st.integers(1, 2**40))
@example("bytes=0-0", 1)
@example("bytes=-" + "9" * 18, 1)
def test_a_range_lies_within_the_file(header: str, size: int) -> None:
    try:
        part = parse_range(header, size)
    except UnsatisfiableRangeError:
        return
    assert part is None or 0 <= part.start < part.stop <= size


@given(headers)
def test_a_header_without_the_tag_is_not_current(header: str) -> None:
    assert is_current(header, '"7"') <= ('"7"' in header or header.strip() == "*")


@given(st.lists(st.sampled_from(['"1"', 'W/"2"', '"a,b"', '""'])), st.lists(st.sampled_from(['W/"3"', '"x"'])))
def test_a_tag_is_found_anywhere_in_a_list(before: list[str], behind: list[str]) -> None:
    assert is_current(", ".join([*before, '"7"', *behind]), '"7"')


@given(headers, st.integers(0, 2**60))
def test_a_stream_is_resumed_behind_a_version(last_event_id: str, after: int) -> None:
    assert parse_cursor(last_event_id, after) >= 0


@given(wanted=st.sampled_from(BODIES), body=objects.map(msgspec.json.encode) | st.binary())
@example(REPORT_BODY, b'{"topic":"Rome","sections":2.0,"surprise":' + b"[" * 900 + b"]" * 900 + b"}")
@example(REPORT_BODY, b'{"topic":"Rome","sections":' + b"[" * 100_000)
@example(REPORT_BODY, b'{"topic":"Rome","sections":-0.0}')
def test_a_body_is_accepted_or_a_field_of_it_is_named(wanted: type[msgspec.Struct], body: bytes) -> None:
    try:
        decode(body, wanted)
    except MalformedBodyError:
        return
    except FieldError as error:
        broken = (error.field, error.rule)
    else:
        return
    assert all(broken)
    assert "`" not in broken[1]
