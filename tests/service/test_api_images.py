"""Images over HTTP: whole, by range, or not modified (RFC 9110, 13 and 14)."""

import hashlib

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.image import Image
from aether.domain.job import Change, Status
from tests.service.api_harness import ApiHarness, finished_step
from tests.service.resources import CHECKLISTS, GENERATIONS, UNKNOWN

Client = AsyncTestClient[Litestar]

CONTENT = bytes(range(10))
IMAGE = Image("image/webp", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
TAG = f'"{IMAGE.digest}"'
PATH = GENERATIONS.url(action="/images/0")
FINISH_IMAGE = Change(total=1, steps=(finished_step("image:0", 0, IMAGE),))


@pytest.fixture
async def finished_image(harness: ApiHarness) -> None:
    """A completed generation with one image."""
    await harness.process(await harness.create_job(GENERATIONS), FINISH_IMAGE, Change(status=Status.COMPLETED))
    await harness.files.put(UNKNOWN, IMAGE.digest, CONTENT)


@pytest.mark.usefixtures("finished_image")
async def test_an_image_is_sent_with_its_headers(client: Client) -> None:
    answer = await client.get(PATH)

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{UNKNOWN}-0.webp"'


@pytest.mark.usefixtures("finished_image")
async def test_an_image_may_be_cached_until_its_job_expires(client: Client) -> None:
    private, max_age, immutable = (await client.get(PATH)).headers["Cache-Control"].split(", ")

    assert (private, immutable) == ("private", "immutable")
    assert 86_000 < int(max_age.removeprefix("max-age=")) <= 86_400


@pytest.mark.usefixtures("finished_image")
async def test_the_url_in_the_job_is_that_of_the_image(client: Client) -> None:
    (url,) = (await client.get(GENERATIONS.url())).json()["images"]

    assert (await client.get(url)).content == CONTENT


@pytest.mark.usefixtures("finished_image")
async def test_head_sends_only_the_length(client: Client) -> None:
    whole = await client.head(PATH)
    # Ranges are defined for GET only.
    part = await client.head(PATH, headers={"Range": "bytes=0-1"})

    for answer in (whole, part):
        assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "10")
        assert "Content-Range" not in answer.headers


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize(("tag", "status"), [(TAG, 304), (f"W/{TAG}", 304), ("*", 304), ('"other"', 200)])
async def test_an_image_that_the_caller_has_is_not_sent(client: Client, tag: str, status: int) -> None:
    answer = await client.get(PATH, headers={"If-None-Match": tag, "Range": "bytes=0-100"})

    assert answer.status_code == (status if status == 304 else 206)
    assert (answer.content == b"") is (status == 304)
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Cache-Control"].endswith("immutable")


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize(
    ("byte_range", "content", "content_range"),
    [
        ("bytes=0-0", CONTENT[:1], "bytes 0-0/10"),
        ("bytes=2-5", CONTENT[2:6], "bytes 2-5/10"),
        ("bytes=7-", CONTENT[7:], "bytes 7-9/10"),
        ("bytes=7-1000", CONTENT[7:], "bytes 7-9/10"),
        ("bytes=-3", CONTENT[-3:], "bytes 7-9/10"),
        ("bytes=-1000", CONTENT, "bytes 0-9/10"),
        ("Bytes = 0-1", CONTENT[:2], "bytes 0-1/10"),
    ],
)
async def test_a_range_is_answered_with_these_bytes(
    client: Client, byte_range: str, content: bytes, content_range: str
) -> None:
    answer = await client.get(PATH, headers={"Range": byte_range})

    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["Content-Range"] == content_range
    assert answer.headers["Content-Length"] == str(len(content))
    assert (answer.headers["Content-Type"], answer.headers["ETag"]) == ("image/webp", TAG)


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize("byte_range", ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=999999999999999999-"])
async def test_a_range_without_bytes_of_the_image_is_rejected(client: Client, byte_range: str) -> None:
    answer = await client.get(PATH, headers={"Range": byte_range})

    assert answer.headers["Content-Range"] == "bytes */10"
    assert answer.json() == {
        "type": "urn:aether:problem:unsatisfiable-range",
        "title": "No such bytes",
        "status": 416,
        "detail": "The file has 10 bytes; none of them is in that range.",
        "instance": PATH,
    }


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize(
    "byte_range",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=²-³"],
)
async def test_an_invalid_or_multiple_range_is_answered_with_the_whole_image(client: Client, byte_range: str) -> None:
    answer = await client.get(PATH, headers={b"Range": byte_range.encode()})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "Content-Range" not in answer.headers


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), (f"W/{TAG}", 200), ('"other"', 200), ("Thu, 01 Jan 2026 00:00:00 GMT", 200)],
)
async def test_a_range_is_answered_only_if_if_range_matches(client: Client, condition: str, status: int) -> None:
    answer = await client.get(PATH, headers={"Range": "bytes=0-1", "If-Range": condition})

    assert (answer.status_code, len(answer.content)) == (status, 2 if status == 206 else 10)


@pytest.mark.usefixtures("finished_image")
@pytest.mark.parametrize("position", ["1", "-1", "00", "0.png", "%2b0", "²", "9" * 5_000])
async def test_there_is_no_image_at_another_position(client: Client, position: str) -> None:
    answer = await client.get(GENERATIONS.url(action=f"/images/{position}"))

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:aether:problem:unknown-image")
    assert answer.json()["detail"] == "The job has no finished image at this position."


async def test_there_is_no_image_before_it_is_finished(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)

    assert (await client.get(PATH)).status_code == 404


@pytest.mark.usefixtures("finished_image")
async def test_an_image_without_a_file_is_unknown(client: Client, harness: ApiHarness) -> None:
    await harness.files.erase(UNKNOWN)

    assert (await client.get(PATH)).json()["type"] == "urn:aether:problem:unknown-image"


async def test_images_of_other_owners_and_kinds_are_as_unknown_as_their_jobs(
    client: Client, harness: ApiHarness
) -> None:
    never_was = await client.get(PATH)
    await harness.process(await harness.create_job(GENERATIONS, owner="somebody-else"), FINISH_IMAGE)
    await harness.files.put(UNKNOWN, IMAGE.digest, CONTENT)
    anothers = await client.get(PATH)
    await harness.store.erase(UNKNOWN)
    await harness.create_job(CHECKLISTS)
    another_kind = await client.get(PATH)

    assert never_was.json()["type"] == "urn:aether:problem:unknown-job"
    assert anothers.content == another_kind.content == never_was.content
    assert anothers.status_code == another_kind.status_code == never_was.status_code == 404


@pytest.mark.usefixtures("finished_image")
async def test_an_unavailable_file_store_has_a_retry_after(client: Client, harness: ApiHarness) -> None:
    harness.files.is_unavailable = True

    answer = await client.get(PATH)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
