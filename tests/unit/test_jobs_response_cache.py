"""Response cache: its key, its limit in bytes, and which responses it removes."""

from datetime import UTC, datetime

import msgspec
import pytest
from litestar import Router
from msgspec.structs import replace

from aether.api.jobs.examples import example_job
from aether.api.jobs.response_cache import CachedResponse, ResponseCache
from aether.domain.estimate import Estimate
from aether.domain.job import Job, Kind, Status
from aether.domain.snapshot import Revision, Snapshot
from tests.service.resources import EVERY_KIND, Resource

ENTRY_BYTES = 1_125  # a URL of one letter, a content of 100 bytes, and the overhead
REVISION = Revision(7, datetime(2026, 11, 1, tzinfo=UTC))


def response(size: int) -> CachedResponse:
    return CachedResponse(REVISION, {"ETag": '"7"'}, b"x" * size)


def test_a_response_is_found_under_its_url() -> None:
    cache = ResponseCache()

    cache.put("a", response(10))

    assert [response(10), None] == [cache.get("a"), cache.get("b")]


def test_the_least_recently_used_response_is_removed_if_the_cache_is_full() -> None:
    cache = ResponseCache(max_bytes=3 * ENTRY_BYTES)
    for url in "abc":
        cache.put(url, response(100))
    cache.get("a")

    cache.put("d", response(100))

    assert [url for url in "abcd" if cache.get(url)] == ["a", "c", "d"]
    assert cache.size == 3 * ENTRY_BYTES


def test_a_response_larger_than_the_cache_is_not_cached_and_removes_nothing() -> None:
    cache = ResponseCache(max_bytes=ENTRY_BYTES)
    cache.put("a", response(100))

    cache.put("b", response(101))

    assert [bool(cache.get("a")), bool(cache.get("b")), cache.size] == [True, False, ENTRY_BYTES]


def test_a_newer_response_replaces_an_older_one() -> None:
    cache = ResponseCache()
    cache.put("a", response(100))

    cache.put("a", response(10))

    assert (len(cache), cache.size) == (1, ENTRY_BYTES - 90)


def test_a_response_that_became_too_large_removes_the_older_one() -> None:
    cache = ResponseCache(max_bytes=ENTRY_BYTES)
    cache.put("a", response(100))

    cache.put("a", response(101))

    assert (len(cache), cache.size) == (0, 0)


async def test_a_store_that_reports_no_change_although_nothing_is_cached_is_an_error() -> None:
    async def unchanged(_: Revision | None) -> Snapshot | None:
        return None

    with pytest.raises(AssertionError):
        await ResponseCache().get_or_load("a", unchanged)


class CountingPresenter:
    """A presenter that counts how often it shows a job."""

    def __init__(self) -> None:
        self.shown = 0

    def show_job(self, job: Job, estimate: Estimate, url: str) -> object:  # noqa: ARG002 - as a presenter has it
        self.shown += 1
        return {"version": job.version, "url": url}

    def show_estimate(self, estimate: Estimate) -> msgspec.Struct:
        return msgspec.defstruct("_", [("position", int)])(estimate.position or 0)


def snapshot(estimate: Estimate, status: Status = Status.PROCESSING, version: int = 7) -> Snapshot:
    return Snapshot(replace(example_job(Kind.REPORT, {"topic": "Rome"}), status=status, version=version), estimate)


def test_a_job_is_encoded_once_for_each_revision_and_its_estimate_each_time() -> None:
    cache, presenter = ResponseCache(), CountingPresenter()
    versions = [(7, 3), (7, 2), (8, 1), (8, 1)]

    encoded = [
        cache.encode(snapshot(Estimate(position), version=version), "u", presenter) for version, position in versions
    ]

    expected = [f'{{"version":{version},"url":"u","position":{position}}}' for version, position in versions]
    assert (expected, 2) == ([each.decode() for each in encoded], presenter.shown)


async def test_only_the_response_of_an_ended_job_is_valid_without_reading_the_job() -> None:
    asked: list[Revision | None] = []

    async def load(known: Revision | None) -> Snapshot | None:
        asked.append(known)
        return None if known else snapshot(Estimate())

    cache = ResponseCache()
    for url, status in (("running", Status.PROCESSING), ("ended", Status.FAILED)):
        cache.encode(snapshot(Estimate(), status=status), url, CountingPresenter())
        await cache.get_or_load(url, load)

    assert asked == [None, Revision.of(snapshot(Estimate()).job)]


@EVERY_KIND
@pytest.mark.parametrize(
    "estimate", [Estimate(), Estimate(3, 12.34), Estimate(None, 0.5), Estimate(1, lacks_worker=True)]
)
@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING])
def test_a_cached_job_is_shown_as_one_that_is_not(resource: Resource, status: Status, estimate: Estimate) -> None:
    controller, cache = resource.controller(Router("/", route_handlers=[])), ResponseCache()
    job = replace(example_job(resource.kind, resource.body), status=status)
    cache.encode(Snapshot(job, Estimate(9, 99.9)), "u", controller)

    encoded = cache.encode(Snapshot(job, estimate), "u", controller)

    assert encoded == msgspec.json.encode(controller.show_job(job, estimate, "u"))
