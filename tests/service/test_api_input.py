"""Validation of bodies for every kind: the problem names the field and the broken rule."""

import json

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.job import Change, Status
from tests.service.api_harness import MAX_BODY, ApiHarness
from tests.service.resources import EVERY_KIND, GENERATIONS, RESOURCES, Resource

Client = AsyncTestClient[Litestar]
MULTILINE = [each for each in RESOURCES if each.has_lines]
WIDEST = "\U0001f600"
"""Takes most bytes in JSON: 12, for clients that escape everything but ASCII."""


def body_with(resource: Resource, text: str) -> bytes:
    """Write a body as the client does that escapes most; fail if it is too large for its text to be checked."""
    body, rest = (json.dumps(resource.with_text(each)).encode() for each in (text, ""))
    most = (MAX_BODY - len(rest)) // len(json.dumps(WIDEST).strip('"')) - 1  # a text that is too long has one more
    assert len(body) <= MAX_BODY, (
        f"`{resource.text}` of {resource!r} may have {resource.longest:,} characters, up to {len(body):,} bytes. "
        f"AETHER_MAX_BODY allows {MAX_BODY:,}, so callers would get 413 for a text within its limit. Limit the text to "
        f"{most:,} characters, or raise the default of AETHER_MAX_BODY: `max_body` in src/aether/settings.py, and "
        ".env.example."
    )
    return body


async def post_invalid(client: Client, resource: Resource, body: object) -> tuple[int, tuple[str | None, str]]:
    """Post this body; return the status, the field, and the rule that it breaks."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answer = await client.post(resource.path, content=content, headers={"Content-Type": "application/json"})
    (broken,) = answer.json().get("errors", [{"field": None, "rule": answer.json()["type"]}])
    return answer.status_code, (broken["field"], broken["rule"])


@EVERY_KIND
async def test_the_required_fields_are_named(client: Client, harness: ApiHarness, resource: Resource) -> None:
    answer = await client.post(resource.path, json={})

    required = [{"field": name, "rule": "is required"} for name in resource.body]
    assert (answer.status_code, answer.json()["errors"]) == (422, required)
    assert harness.store.jobs == {}


@EVERY_KIND
async def test_an_unknown_field_is_rejected(client: Client, resource: Resource) -> None:
    body = resource.body | {"surprise": 1}

    assert await post_invalid(client, resource, body) == (422, ("surprise", "is not a known field"))


@EVERY_KIND
@pytest.mark.parametrize(("value", "what"), [(5, "a whole number"), (None, "null"), (["a"], "a list")])
async def test_the_text_is_a_string(client: Client, resource: Resource, value: object, what: str) -> None:
    expected = (422, (resource.text, f"must be a string, not {what}"))

    assert await post_invalid(client, resource, resource.with_text(value)) == expected


@EVERY_KIND
@pytest.mark.parametrize("times", [0, None], ids=["empty", "too long"])
async def test_a_text_that_is_empty_or_too_long_is_rejected(
    client: Client, resource: Resource, times: int | None
) -> None:
    rule = f"must be 1 to {resource.longest} characters long, without the space around it"
    text = " \n" if times == 0 else WIDEST * (resource.longest + 1)

    assert await post_invalid(client, resource, body_with(resource, text)) == (422, (resource.text, rule))


@EVERY_KIND
async def test_a_text_of_the_maximum_length_is_accepted_and_trimmed(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    text = WIDEST * resource.longest
    body = body_with(resource, f"  {text}\n")
    answer = await client.post(resource.path, content=body, headers={"Content-Type": "application/json"})

    (job,) = harness.store.jobs.values()
    assert answer.status_code in {201, 202}
    assert msgspec.json.decode(job.input) == resource.with_text(text)


@EVERY_KIND
async def test_control_characters_are_rejected(client: Client, resource: Resource) -> None:
    status, (field, rule) = await post_invalid(client, resource, resource.with_text("a\0b"))

    assert (status, field) == (422, resource.text)
    assert rule.startswith("must not contain control characters")


@pytest.mark.parametrize("resource", MULTILINE, ids=repr)
async def test_texts_of_several_lines_are_accepted_where_declared(
    client: Client, harness: ApiHarness, resource: Resource
) -> None:
    await client.post(resource.path, json=resource.with_text("One.\r\n\tTwo."))

    (job,) = harness.store.jobs.values()
    assert msgspec.json.decode(job.input) == resource.with_text("One.\r\n\tTwo.")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("count", 0, "must be at least 1"),
        ("count", 5, "must be at most 4"),
        ("count", "2", "must be a whole number, not a string"),
        ("count", 1.5, "must be a whole number, not a fraction"),
        ("size", 512, "must be a string, not a whole number"),
        ("size", "big", "must look like 1024x1024"),
        ("size", "1024x1024\n", "must look like 1024x1024"),
        ("size", "0x10", "must look like 1024x1024"),
    ],
)
async def test_options_of_images_have_limits(client: Client, field: str, value: object, rule: str) -> None:
    assert await post_invalid(client, GENERATIONS, {"prompt": "A lighthouse", field: value}) == (422, (field, rule))


async def test_a_whole_number_may_be_written_with_a_decimal_point(client: Client, harness: ApiHarness) -> None:
    """In JSON Schema, which clients use for validation, 2.0 is an integer."""
    body = b'{"prompt": "A lighthouse", "count": 2.0}'
    answer = await client.post("/api/generation", content=body, headers={"Content-Type": "application/json"})

    (job,) = harness.store.jobs.values()
    assert answer.status_code == 202
    assert msgspec.json.decode(job.input)["count"] == 2


@pytest.mark.parametrize("count", ["2.5", "1e999", "5.0", "-1.0", "1e300"])
async def test_other_numbers_are_rejected(client: Client, count: str) -> None:
    status, (field, _) = await post_invalid(
        client, GENERATIONS, b'{"prompt": "A lighthouse", "count": %s}' % count.encode()
    )

    assert (status, field) == (422, "count")


@EVERY_KIND
@pytest.mark.parametrize("body", [b"[]", b'"Rome"', b"null"])
async def test_a_body_is_an_object(client: Client, resource: Resource, body: bytes) -> None:
    status, (field, rule) = await post_invalid(client, resource, body)

    assert (status, field) == (422, "$")
    assert rule.startswith("must be an object, not ")


@EVERY_KIND
@pytest.mark.parametrize("body", [b"{", b"", b"a=b", b'{"\xff":1}'])
async def test_what_is_not_json_is_malformed(client: Client, resource: Resource, body: bytes) -> None:
    assert await post_invalid(client, resource, body) == (400, (None, "urn:aether:problem:malformed-body"))


@EVERY_KIND
async def test_a_body_of_another_content_type_is_rejected(client: Client, resource: Resource) -> None:
    answer = await client.post(resource.path, content=resource.request, headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["type"]) == (415, "urn:aether:problem:unsupported-body")


@EVERY_KIND
async def test_a_body_over_the_limit_is_rejected(harness: ApiHarness, resource: Resource) -> None:
    async with harness.client(max_body=2_000) as client:
        expected = (413, (None, "urn:aether:problem:body-too-large"))

        assert await post_invalid(client, resource, resource.with_text("a" * 3_000)) == expected


@EVERY_KIND
@pytest.mark.parametrize(("body", "what"), [(b"null", "null"), (b"[]", "a list")])
async def test_the_body_of_a_retry_is_an_object_or_absent(
    client: Client, harness: ApiHarness, resource: Resource, body: bytes, what: str
) -> None:
    job_id = await harness.create_job(resource)
    await harness.process(job_id, Change(status=Status.FAILED))
    url = resource.url(job_id, "/retry")

    post_invalid = await client.post(url, content=body, headers={"Content-Type": "application/json"})
    accepted = await client.post(url, headers={"Content-Type": "application/json"})

    expected = [{"field": "$", "rule": f"must be an object, not {what}"}]
    assert (post_invalid.status_code, post_invalid.json()["errors"]) == (422, expected)
    assert accepted.status_code == 202
