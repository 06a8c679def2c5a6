"""Images over HTTP: their bytes, whole or in part, and never twice (RFC 9110, 13 and 14)."""

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
PAINTED = Change(total=1, steps=(finished_step("image:0", 0, IMAGE),))


@pytest.fixture
async def painted(harness: ApiHarness) -> None:
    """A generation with its one image."""
    await harness.process(await harness.create_job(GENERATIONS), PAINTED, Change(status=Status.COMPLETED))
    await harness.files.put(UNKNOWN, IMAGE.digest, CONTENT)


@pytest.mark.usefixtures("painted")
async def test_an_image_is_served_with_what_a_browser_needs_to_know(client: Client) -> None:
    answer = await client.get(PATH)

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{UNKNOWN}-0.webp"'


@pytest.mark.usefixtures("painted")
async def test_an_image_may_be_kept_for_as_long_as_its_job_lives(client: Client) -> None:
    private, max_age, immutable = (await client.get(PATH)).headers["Cache-Control"].split(", ")

    assert (private, immutable) == ("private", "immutable")
    assert 86_000 < int(max_age.removeprefix("max-age=")) <= 86_400


@pytest.mark.usefixtures("painted")
async def test_the_address_in_the_job_leads_to_the_image(client: Client) -> None:
    (url,) = (await client.get(GENERATIONS.url())).json()["images"]

    assert (await client.get(url)).content == CONTENT


@pytest.mark.usefixtures("painted")
async def test_head_tells_the_length_alone(client: Client) -> None:
    whole = await client.head(PATH)
    # A range is for GET alone.
    part = await client.head(PATH, headers={"Range": "bytes=0-1"})

    for answer in (whole, part):
        assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "10")
        assert "Content-Range" not in answer.headers


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(("tag", "status"), [(TAG, 304), (f"W/{TAG}", 304), ("*", 304), ('"other"', 200)])
async def test_an_image_is_not_sent_twice(client: Client, tag: str, status: int) -> None:
    answer = await client.get(PATH, headers={"If-None-Match": tag, "Range": "bytes=0-100"})

    assert answer.status_code == (status if status == 304 else 206)
    assert (answer.content == b"") is (status == 304)
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Cache-Control"].endswith("immutable")


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(
    ("wanted", "content", "placed"),
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
async def test_a_part_is_sent_to_whoever_asks_for_one(client: Client, wanted: str, content: bytes, placed: str) -> None:
    answer = await client.get(PATH, headers={"Range": wanted})

    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["Content-Range"] == placed
    assert answer.headers["Content-Length"] == str(len(content))
    assert (answer.headers["Content-Type"], answer.headers["ETag"]) == ("image/webp", TAG)


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=999999999999999999-"])
async def test_a_part_that_the_image_does_not_have_is_refused(client: Client, wanted: str) -> None:
    answer = await client.get(PATH, headers={"Range": wanted})

    assert answer.headers["Content-Range"] == "bytes */10"
    assert answer.json() == {
        "type": "urn:aether:problem:unsatisfiable-range",
        "title": "No such bytes",
        "status": 416,
        "detail": "The file has 10 bytes; none of them is in that range.",
        "instance": PATH,
    }


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(
    "wanted", ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=²-³"]
)
async def test_a_range_that_is_none_or_many_is_answered_with_the_whole(client: Client, wanted: str) -> None:
    answer = await client.get(PATH, headers={b"Range": wanted.encode()})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "Content-Range" not in answer.headers


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), (f"W/{TAG}", 200), ('"other"', 200), ("Thu, 01 Jan 2026 00:00:00 GMT", 200)],
)
async def test_a_part_is_sent_only_to_go_with_the_rest(client: Client, condition: str, status: int) -> None:
    answer = await client.get(PATH, headers={"Range": "bytes=0-1", "If-Range": condition})

    assert (answer.status_code, len(answer.content)) == (status, 2 if status == 206 else 10)


@pytest.mark.usefixtures("painted")
@pytest.mark.parametrize("position", ["1", "-1", "00", "0.png", "%2b0", "²", "9" * 5_000])
async def test_there_is_no_image_at_another_position(client: Client, position: str) -> None:
    answer = await client.get(GENERATIONS.url(action=f"/images/{position}"))

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:aether:problem:unknown-image")
    assert answer.json()["detail"] == "The job has no finished image at this position."


async def test_there_is_no_image_before_it_is_finished(client: Client, harness: ApiHarness) -> None:
    await harness.create_job(GENERATIONS)

    assert (await client.get(PATH)).status_code == 404


@pytest.mark.usefixtures("painted")
async def test_an_image_whose_bytes_are_gone_is_unknown(client: Client, harness: ApiHarness) -> None:
    await harness.files.erase(UNKNOWN)

    assert (await client.get(PATH)).json()["type"] == "urn:aether:problem:unknown-image"


async def test_the_images_of_others_and_of_other_kinds_are_as_unknown_as_their_jobs(
    client: Client, harness: ApiHarness
) -> None:
    never_was = await client.get(PATH)
    await harness.process(await harness.create_job(GENERATIONS, owner="somebody-else"), PAINTED)
    await harness.files.put(UNKNOWN, IMAGE.digest, CONTENT)
    anothers = await client.get(PATH)
    await harness.store.erase(UNKNOWN)
    await harness.create_job(CHECKLISTS)
    another_kind = await client.get(PATH)

    assert never_was.json()["type"] == "urn:aether:problem:unknown-job"
    assert anothers.content == another_kind.content == never_was.content
    assert anothers.status_code == another_kind.status_code == never_was.status_code == 404


@pytest.mark.usefixtures("painted")
async def test_files_that_are_away_ask_to_come_back(client: Client, harness: ApiHarness) -> None:
    harness.files.is_unavailable = True

    answer = await client.get(PATH)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
