"""Parsing of the Prefer header: valid, excessive and unknown preferences."""

import pytest

from aether.api.http.prefer import parse_wait


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10),
        ("wait=0", 0),
        ('wait="10"', 10),
        ("WAIT = 10", 10),
        ("respond-async, wait=10", 10),
        ("wait=10; foo=bar, respond-async", 10),
        ('foo="a, wait=3", wait=10', 10),
        (r'foo="\", wait=3", wait=10', 10),
        ("wait=10, wait=20", 10),
        ("wait=50", 50),
        ("wait=51", 50),
        ("wait=60", 50),
        ("wait=999999999999999999", 50),
        ("", None),
        ("wait", None),
        ("wait=", None),
        ("wait=ten", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=1e3", None),
        ("wait=٣", None),
        ('wait="10', None),
        ("await=10", None),
        ("respond-async", None),
        (",,;;==", None),
        ('"' * 10_000, None),
    ],
)
def test_a_valid_wait_is_limited_and_anything_else_is_ignored(prefer: str, seconds: int | None) -> None:
    assert parse_wait(prefer) == seconds
