"""Structs as they are stored: unknown fields are kept, known ones are written as ever."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from aether.adapters.redis.stored_json import StoredJson
from aether.domain.access import ApiKey, KeyDigest, Quota, Rate, Scope
from aether.domain.job import Limits, Step
from tests.strategies import json_values, steps

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIGESTS = (KeyDigest("0", NOW + timedelta(1)), KeyDigest("1"))
KEY = ApiKey("a" * 12, "ci", "ada", frozenset({Scope.READ}), NOW, DIGESTS, Quota(Rate(5, 1.0)))
STEP, API_KEY, LIMITS = StoredJson(Step), StoredJson(ApiKey, order="sorted"), StoredJson(Limits)
unknown = st.dictionaries(st.text(min_size=1).map("new {}".format), json_values().map(msgspec.Raw), min_size=1)


@given(steps())
def test_without_unknown_fields_the_text_is_the_structs_own(step: Step) -> None:
    content = STEP.encode(step)

    assert content == msgspec.json.encode(step)
    assert STEP.decode(content) == STEP.read(content) == step


@given(steps(), unknown)
def test_unknown_fields_come_through_unchanged(step: Step, fields: dict[str, msgspec.Raw]) -> None:
    stored = msgspec.json.decode(STEP.encode(step), type=dict[str, msgspec.Raw]) | fields
    content = msgspec.json.encode(stored)

    assert STEP.encode(STEP.decode(content)) == content
    assert STEP.read(content) == step


def test_what_a_struct_holds_keeps_its_unknown_fields_too() -> None:
    stored = msgspec.to_builtins(KEY)
    stored["quota"]["rate"]["burst"] = 3
    stored["quota"]["tokens"] = None
    stored["digests"][1]["pepper"] = {"of": [1]}
    content = msgspec.json.encode(stored, order="sorted")

    assert API_KEY.encode(API_KEY.decode(content)) == content


def test_defaults_that_are_left_out_stay_so() -> None:
    assert LIMITS.encode(LIMITS.decode(b'{"images":2}')) == b'{"images":2}'
    assert LIMITS.encode(Limits(tokens=5)) == b'{"tokens":5}'
