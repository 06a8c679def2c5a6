"""Rules of bodies: every broken one is named, with the nearest name, and malformed JSON with its line and column."""

import time
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_LE
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.http.json_text import repeats_a_name
from aether.api.http.request import decode
from aether.errors import FieldError
from tests.service.api_harness import MAX_BODY, ApiHarness
from tests.service.resources import EVERY_KIND, REPORTS, Resource

Client = AsyncTestClient[Litestar]
JSON = {"Content-Type": "application/json"}
ONCE = "must be given only once"
TEXT = "must be 1 to 300 characters long, without the space around it"
HOOK = b'{"url":"https://example.com/a"}'


def errors_of(body: bytes) -> list[tuple[str, str]]:
    """Return the rules that the body of a report breaks."""
    with pytest.raises(FieldError) as caught:
        decode(body, REPORTS.body_type)
    return [(each.field, each.rule) for each in caught.value.errors]


async def post(client: Client, body: bytes, path: str = "/reports") -> tuple[int, Any]:
    answer = await client.post(path, content=body, headers=JSON)
    return answer.status_code, answer.json()


async def test_every_rule_that_a_body_breaks_is_named(client: Client, harness: ApiHarness) -> None:
    body = (
        b'{"topic":" ","sections":99,"outline":["Rise",5,""],"tone":7,"length":"epic","metadata":{"a":1},'
        b'"webhook":{"events":["done"],"uri":"x"},"audience":"you\\u0007","deadlineSeconds":0,"colour":"red"}'
    )
    status, problem = await post(client, body)

    assert status == 422
    assert {each["field"]: each["rule"] for each in problem["errors"]} == {
        "topic": TEXT,
        "sections": "must be at most 20",
        "outline[1]": "must be a string or an object, not a whole number",
        "outline[2]": TEXT.replace("300", "200"),
        "tone": "must be a string, not a whole number",
        "length": "must be one of: brief, standard, detailed",
        "metadata": "has a value that must be a string, not a whole number",
        "webhook.url": "is required",
        "webhook.events[0]": "must be one of: cancelled, completed, failed",
        "webhook.uri": "is not a known field; did you mean url?",
        "audience": "must not contain control characters",
        "deadlineSeconds": "must be at least 1",
        "colour": "is not a known field",
    }
    assert problem["detail"].startswith(f"topic: {TEXT}; sections: must be at most 20; ")
    assert problem["detail"].endswith("; and 8 more")
    assert harness.store.jobs == {}


async def test_every_invalid_id_of_notifications_is_named(client: Client) -> None:
    status, problem = await post(client, b'{"ids":["1","x","2","y"],"id":1}', "/notifications/ack")

    assert status == 422
    assert [(each["field"], each["rule"]) for each in problem["errors"]] == [
        ("id", "is not a known field; did you mean ids?"),
        ("ids[1]", "must be the id of a notification"),
        ("ids[3]", "must be the id of a notification"),
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("topik", "topic"),
        ("Topic", "topic"),
        ("topics", "topic"),
        ("section", "sections"),
        ("max_tokens", "maxTokens"),
        ("max-tokens", "maxTokens"),
        ("MAXTOKENS", "maxTokens"),
        ("deadline", "deadlineSeconds"),
        ("lang", "language"),
        ("webhookUrl", "webhook"),
        ("meta_data", "metadata"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_one(name: str, nearest: str) -> None:
    body = b'{"topic":"Rome","%s":1}' % name.encode()

    assert errors_of(body) == [(name, f"is not a known field; did you mean {nearest}?")]


@pytest.mark.parametrize("name", ["surprise", "x", "subject", "日本", "\\u0000", "a" * 100_000, "."])
def test_a_name_that_is_like_none_gets_no_suggestion(name: str) -> None:
    ((_, rule),) = errors_of(f'{{"topic":"Rome","{name}":1}}'.encode())

    assert rule == "is not a known field"


def test_a_field_under_a_wrong_name_is_missing_too() -> None:
    assert errors_of(b'{"topik":"Rome"}') == [
        ("topic", "is required"),
        ("topik", "is not a known field; did you mean topic?"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"topic":"Rome","topic":"Greece"}', "topic"),
        (b'{"topic":"Rome","topic":"Rome"}', "topic"),
        (b'{ "topic" : "Rome" , "topic" : "Rome" }', "topic"),
        (b'{"topic":"Rome","t\\u006fpic":"Rome"}', "topic"),
        (b'{"topic":"Rome: a history","sections":3,"sections":4}', "sections"),
        (b'{"topic":"Rome","metadata":{"a":"1","a":"2"}}', "metadata.a"),
        (b'{"topic":"Rome","webhook":{"url":"https://a.example","url":"https://b.example"}}', "webhook.url"),
        (b'{"topic":"Rome","webhook":%s,"webhook":%s}' % (HOOK, HOOK), "webhook"),
    ],
)
def test_a_name_that_is_given_twice_is_an_error(body: bytes, field: str) -> None:
    assert errors_of(body) == [(field, ONCE)]


@EVERY_KIND
async def test_no_job_is_created_from_a_repeated_name(client: Client, harness: ApiHarness, resource: Resource) -> None:
    body = resource.request[:-1] + b"," + resource.request[1:]
    status, problem = await post(client, body, resource.path)

    assert (status, {each["rule"] for each in problem["errors"]}) == (422, {ONCE})
    assert {each["field"] for each in problem["errors"]} == set(resource.body)
    assert harness.store.jobs == {}


def test_a_repeated_name_is_named_beside_other_broken_rules() -> None:
    body = b'{"topic":"","topic":"","sections":0,"webhook":{"url":1,"url":1}}'

    assert sorted(errors_of(body)) == [
        ("sections", "must be at least 1"),
        ("topic", TEXT),
        ("topic", ONCE),
        ("webhook.url", "must be a string, not a whole number"),
        ("webhook.url", ONCE),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"topic":"topic"}',
        b'{"topic":"a:b","tone":"\\"topic\\":"}',
        b'{"topic":"a","metadata":{"topic":"b"},"webhook":%s}' % HOOK,
        b'{"topic":"a","metadata":{"a":"1","A":"2"," a":"3"}}',
        b'{"topic":":::::"}',
    ],
)
def test_different_names_are_not_repeated(body: bytes) -> None:
    assert not repeats_a_name(body)
    decode(body, REPORTS.body_type)


async def test_a_byte_order_mark_is_ignored(client: Client) -> None:
    accepted, _ = await post(client, BOM_UTF8 + '{"topic":"Küche"}'.encode())
    status, problem = await post(client, BOM_UTF8 + b'{"topic":5}')
    _, malformed = await post(client, BOM_UTF8 + b'{"topic":}')

    assert (accepted, status, problem["errors"][0]["field"]) == (202, 422, "topic")
    assert malformed["detail"].endswith("at line 1, column 10.")


@pytest.mark.parametrize(
    ("prefix", "encoding", "name"),
    [
        (BOM_UTF16_LE, "utf-16-le", "UTF-16"),
        (BOM_UTF16_BE, "utf-16-be", "UTF-16"),
        (b"", "utf-16-le", "UTF-16"),
        (b"", "utf-16-be", "UTF-16"),
        (BOM_UTF32_LE, "utf-32-le", "UTF-32"),
        (b"", "utf-32-be", "UTF-32"),
    ],
)
async def test_a_body_in_another_unicode_encoding_is_told_so(
    client: Client, prefix: bytes, encoding: str, name: str
) -> None:
    status, problem = await post(client, prefix + '{"topic":"Küche"}'.encode(encoding))

    assert (status, problem["type"]) == (400, "urn:aether:problem:malformed-body")
    assert problem["detail"] == f"The body is in {name}; send JSON in UTF-8."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"topic":"Rome"', "expecting ',' delimiter, at line 1, column 16"),
        (
            b'{"topic":"Rome",\n "sections": 3,\n}',
            "expecting property name enclosed in double quotes, at line 3, column 1",
        ),
        (b'{"topic":"Rome"\r\n "sections":3}', "expecting ',' delimiter, at line 2, column 2"),
        ('{"topic":"Küche" "tone"}'.encode(), "expecting ',' delimiter, at line 1, column 18"),
        (b"{'topic':'Rome'}", "expecting property name enclosed in double quotes, at line 1, column 2"),
        (b"{topic:1}", "expecting property name enclosed in double quotes, at line 1, column 2"),
        (b'{"topic":"Rome}', "unterminated string, at line 1, column 10"),
        (b'{"topic":"a\nb"}', "invalid control character, at line 1, column 12"),
        (b'{"topic":"\\x"}', "invalid \\escape, at line 1, column 11"),
        (b'{"topic":"a"} x', "extra data, at line 1, column 15"),
        (b"topic=Rome", "expecting value, at line 1, column 1"),
        (b'{"topic":tru}', "expecting value, at line 1, column 10"),
        (b'{"topic":"a","sections":NaN}', "invalid value, at line 1, column 25"),
        (b'{"topic":5,"sections":}', "expecting value, at line 1, column 23"),
        (b'{\n"topic":"a\\ud83d"}', "a character is half of a pair, at line 2, column 11"),
        (b'{"topic":"a\xe4"}', "the byte 0xE4 is not UTF-8, at line 1, column 12"),
        (b'{\n"topic":"\xc3\xa4\xe4"}', "the byte 0xE4 is not UTF-8, at line 2, column 11"),
    ],
)
async def test_malformed_json_is_located(client: Client, body: bytes, reason: str) -> None:
    status, problem = await post(client, body)

    assert (status, problem["type"]) == (400, "urn:aether:problem:malformed-body")
    assert problem["detail"] == f"The body is not valid JSON in UTF-8: {reason}."


HOSTILE = {
    "unknown fields": b'{"topic":"x"' + b"".join(b',"topi%d":1' % at for at in range(18_000)) + b"}",
    "long names": b'{"topic":"x"' + b"".join(b',"%d%s":1' % (at, b"topic" * 2_500) for at in range(20)) + b"}",
    "wrong items": b'{"topic":"x","outline":[' + b"1," * 120_000 + b"1]}",
    "items": b'{"topic":"x","outline":["' + b'","'.join([b"a"] * 60_000) + b'"]}',
    "repeated names": b"{" + b'"topic":"",' * 20_000 + b'"topic":""}',
    "nested objects": b'{"topic":1,"metadata":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}",
    "nested lists": b'{"topic":1,"outline":' + b"[" * 120_000 + b"]" * 120_000 + b"}",
    "open lists": b"[" * 250_000,
    "a long number": b'{"topic":"x","sections":' + b"9" * 250_000 + b"}",
    "colons": b'{"topic":"' + b":" * 250_000 + b'","tone":"a"}',
    "quotes": b'{"topic":"' + b'\\"' * 120_000 + b'","tone":"a"}',
    "a long line": b'{"topic":"' + b"a" * 250_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_rejected_soon_with_few_errors(body: bytes) -> None:
    assert len(body) <= MAX_BODY
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a rule or the form, checked by the other tests
        decode(body, REPORTS.body_type)
    started = time.process_time()
    with pytest.raises(type(caught.value)):
        decode(body, REPORTS.body_type)

    assert time.process_time() - started < 0.1
    assert len(getattr(caught.value, "errors", ())) <= 20
