"""File store: what every implementation promises, and what only those on Redis and on an object store do."""

import asyncio
import logging
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.object_store import ObjectFiles
from aether.adapters.redis.files import RedisFiles
from aether.adapters.redis.keys import FILES, PIECE_BYTES, RECORD, SLACK_MS
from aether.domain.job import Change, Status
from aether.durable.ports import FileStore
from aether.errors import ConfigurationError, StoreUnavailableError
from tests.contract.job_store_harness import NEW_JOB, RedisJobStoreHarness, begin_job
from tests.fakes import MemoryFiles, MemoryJobStore

JOB, OTHER = str(uuid4()), str(uuid4())
CONTENT = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"end"
AHEAD = timedelta(hours=1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server in a thread of this process, with one bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        urllib.request.urlopen(urllib.request.Request(f"{url}/images", method="PUT")).close()  # noqa: S310 - our own
        yield url
    finally:
        server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty folder in the bucket, with the environment in which it is found."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return f"s3://images/{uuid4()}"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"file://{tmp_path}/images"


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest) -> ObjectFiles:
    return ObjectFiles(request.getfixturevalue(request.param))


async def with_jobs(client: Redis) -> Redis:
    """Create two jobs; files are stored for existing jobs only."""
    for job_id in (JOB, OTHER):
        await RedisJobStoreHarness(client).store.create(replace(NEW_JOB, id=job_id))
    return client


@pytest.fixture
async def redis_files(redis_harness: RedisJobStoreHarness) -> RedisFiles:
    """A file store on Redis, with two jobs."""
    return RedisFiles(await with_jobs(redis_harness.client))


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster", "folder", "s3"])
def files(request: pytest.FixtureRequest) -> FileStore:
    """Each file store, with two jobs."""
    if request.param == "memory":
        return MemoryFiles()
    if request.param in {"folder", "s3"}:
        return ObjectFiles(request.getfixturevalue(request.param))
    return RedisFiles(request.getfixturevalue(f"{request.param}_with_jobs"))


@pytest.fixture
async def fakeredis_with_jobs(fakeredis_client: Redis) -> Redis:
    return await with_jobs(fakeredis_client)


@pytest.fixture
async def valkey_with_jobs(valkey_client: Redis) -> Redis:
    return await with_jobs(valkey_client)


@pytest.fixture
async def cluster_with_jobs(cluster_client: Redis) -> Redis:
    return await with_jobs(cluster_client)


@pytest.mark.parametrize("content", [b"", b"small", CONTENT])
async def test_a_file_comes_back_as_it_was_put(files: FileStore, content: bytes) -> None:
    await files.put(JOB, "a", content)

    assert await files.read(JOB, "a") == content


async def test_a_part_of_a_file_is_what_a_slice_would_be(files: FileStore) -> None:
    """Within a piece, over the edge between two, whole pieces, nothing, and behind the end."""
    size = len(CONTENT)
    edges = [0, 5, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 3, 2 * PIECE_BYTES, size, 9 * PIECE_BYTES]
    parts = [(start, stop) for start in edges for stop in (*edges, start + 1, None)]
    await files.put(JOB, "a", CONTENT)

    read = {(start, stop): await files.read(JOB, "a", start, stop) for start, stop in parts}

    assert [part for part in parts if read[part] != CONTENT[slice(*part)]] == []


async def test_any_part_of_a_missing_file_is_none(files: FileStore) -> None:
    await files.put(JOB, "a", b"content")

    parts: list[tuple[int, int | None]] = [(0, None), (0, 1), (3, None), (2, 2)]
    assert {await files.read(JOB, "b", *part) for part in parts} == {None}
    assert {await files.read(OTHER, "a", *part) for part in parts} == {None}


async def test_a_part_of_an_empty_file_is_empty(files: FileStore) -> None:
    await files.put(JOB, "a", b"")

    assert await files.read(JOB, "a", 0, 5) == b""


@pytest.mark.parametrize("content", [b"", b"short", CONTENT + CONTENT])
async def test_a_file_of_the_same_name_is_replaced(files: FileStore, content: bytes) -> None:
    await files.put(JOB, "a", CONTENT)

    await files.put(JOB, "a", content)

    assert await files.read(JOB, "a") == content


async def test_a_jobs_files_are_erased_and_no_others(files: FileStore) -> None:
    for job_id, name in [(JOB, "a"), (JOB, "b"), (OTHER, "a")]:
        await files.put(job_id, name, name.encode())

    await files.erase(JOB)

    assert [await files.read(JOB, name) for name in ("a", "b")] == [None, None]
    assert await files.read(OTHER, "a") == b"a"


async def test_erasing_missing_files_is_no_error(files: FileStore) -> None:
    await files.erase(JOB)


async def test_files_put_at_once_are_all_kept(files: FileStore) -> None:
    names = [f"{number}.png" for number in range(20)]

    await asyncio.gather(*(files.put(JOB, name, name.encode()) for name in names))

    assert [name.encode() for name in names] == [await files.read(JOB, name) for name in names]


@pytest.fixture(params=["memory", "redis", "s3"])
def unreachable_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    if request.param == "memory":
        return MemoryFiles(is_unavailable=True)
    if request.param == "redis":
        return RedisFiles(Redis(unix_socket_path="/nowhere/valkey.sock"))
    url: str = request.getfixturevalue("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return ObjectFiles(url)


async def test_a_store_that_does_not_answer_is_unavailable(unreachable_store: FileStore) -> None:
    for call in (unreachable_store.put(JOB, "a", b""), unreachable_store.read(JOB, "a"), unreachable_store.erase(JOB)):
        with pytest.raises(StoreUnavailableError):
            await call


async def test_files_on_redis_live_as_long_as_the_record(
    redis_harness: RedisJobStoreHarness, redis_files: RedisFiles
) -> None:
    client = redis_harness.client
    await client.pexpire(RECORD + JOB, 5_000)

    await redis_files.put(JOB, "a", CONTENT)

    assert await client.pttl(RECORD + JOB) <= await client.pttl(FILES + JOB) <= 5_000 + SLACK_MS


async def test_a_commit_renews_the_files_with_the_record(redis_harness: RedisJobStoreHarness) -> None:
    job = await begin_job(redis_harness.store)
    client = redis_harness.client
    await client.pexpire(RECORD + job.id, 5_000)
    await RedisFiles(client).put(job.id, "a", CONTENT)

    await redis_harness.store.commit(job.id, job.epoch, job.version, Change(Status.COMPLETED))

    record, files = [await client.pttl(prefix + job.id) for prefix in (RECORD, FILES)]
    assert 5_000 < record <= files <= record + SLACK_MS


async def test_redis_keeps_no_file_for_a_job_that_is_gone(
    redis_harness: RedisJobStoreHarness, redis_files: RedisFiles
) -> None:
    for job_id in (JOB, OTHER):
        await redis_harness.store.erase(job_id)

    await redis_files.put(JOB, "a", CONTENT)

    assert await redis_harness.keys() == set()


async def test_erasing_a_job_on_redis_erases_its_files(
    redis_harness: RedisJobStoreHarness, redis_files: RedisFiles
) -> None:
    await redis_files.put(JOB, "a", CONTENT)

    for job_id in (JOB, OTHER):
        await redis_harness.store.erase(job_id)

    assert await redis_harness.keys() == set()


async def test_erasing_the_files_on_redis_leaves_nothing_of_them(
    redis_harness: RedisJobStoreHarness, redis_files: RedisFiles
) -> None:
    before = await redis_harness.keys()
    await redis_files.put(JOB, "a", CONTENT)

    await redis_files.erase(JOB)

    assert await redis_harness.keys() == before


async def test_a_shorter_file_on_redis_leaves_no_piece_of_the_longer_one(
    redis_harness: RedisJobStoreHarness, redis_files: RedisFiles
) -> None:
    await redis_files.put(JOB, "a", CONTENT)

    await redis_files.put(JOB, "a", b"short")

    # redis-py types the answers of its two kinds of client as one.
    assert await redis_harness.client.hlen(FILES + JOB) == 2  # type: ignore[misc]


@pytest.mark.parametrize("name", ["", "../a", "a/b", "..", ".", "/etc/passwd", "a\x00", "ä", "a#1", "a\n"])
async def test_objects_have_plain_names(objects: ObjectFiles, name: str) -> None:
    for call in (
        objects.put(JOB, name, b""),
        objects.read(JOB, name),
        objects.put(name, "a", b""),
        objects.erase(name),
    ):
        with pytest.raises(ValueError, match="cannot name an object"):
            await call


async def sweep(objects: ObjectFiles, store: MemoryJobStore, ahead: timedelta = AHEAD) -> int:
    """Sweep as if this much later, so that files just written are old."""
    return await objects.sweep(store.find_existing, datetime.now(UTC) + ahead)


@pytest.fixture
async def store() -> MemoryJobStore:
    """A job store with JOB only."""
    store = MemoryJobStore()
    await store.create(replace(NEW_JOB, id=JOB))
    return store


async def test_a_sweep_deletes_the_files_of_jobs_that_are_gone(objects: ObjectFiles, store: MemoryJobStore) -> None:
    for job_id in (JOB, OTHER):
        for name in ("a", "b"):
            await objects.put(job_id, name, b"content")

    assert await sweep(objects, store) == 2

    assert [await objects.read(job_id, "a") for job_id in (JOB, OTHER)] == [b"content", None]


async def test_a_sweep_keeps_recent_files(objects: ObjectFiles, store: MemoryJobStore) -> None:
    await objects.put(OTHER, "a", b"content")

    assert await sweep(objects, store, -AHEAD) == 0

    assert await objects.read(OTHER, "a") == b"content"


async def test_a_sweep_leaves_alone_what_is_not_named_after_a_job(objects: ObjectFiles, store: MemoryJobStore) -> None:
    """The configured directory may contain other files."""
    await objects.put("holiday", "photo.jpg", b"precious")

    assert await sweep(objects, store) == 0

    assert await objects.read("holiday", "photo.jpg") == b"precious"


async def test_several_may_sweep_at_once(objects: ObjectFiles, store: MemoryJobStore) -> None:
    gone = [str(uuid4()) for _ in range(20)]
    for job_id in [*gone, JOB]:
        await objects.put(job_id, "a", b"content")

    await asyncio.gather(*(sweep(objects, store) for _ in range(4)))

    assert {None} == {await objects.read(job_id, "a") for job_id in gone}
    assert await objects.read(JOB, "a") == b"content"


async def test_nothing_is_swept_while_the_job_store_is_unavailable(objects: ObjectFiles, store: MemoryJobStore) -> None:
    await objects.put(OTHER, "a", b"content")
    store.is_unavailable = True

    with pytest.raises(StoreUnavailableError):
        await sweep(objects, store)

    assert await objects.read(OTHER, "a") == b"content"


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


async def test_a_sweep_leaves_no_trace_of_a_job_in_a_folder(tmp_path: Path, store: MemoryJobStore) -> None:
    """Neither incomplete files of a killed process nor an empty directory."""
    objects = ObjectFiles(f"file://{tmp_path}")
    await objects.put(OTHER, "a", b"content")
    (tmp_path / OTHER / "b#1").write_bytes(b"con")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo#1").write_bytes(b"precious")

    await sweep(objects, store)

    assert everything_in(tmp_path) == {"holiday", "holiday/photo#1"}


async def test_the_check_of_a_usable_store_leaves_nothing_behind(objects: ObjectFiles) -> None:
    await objects.check()

    assert await objects.sweep(nobody, datetime.now(UTC) + AHEAD) == 0


async def nobody(_: object) -> set[str]:
    return set()


async def test_a_missing_bucket_is_a_configuration_error(s3: str) -> None:
    objects = ObjectFiles(s3.replace("images", "nobody-made-this"))

    with pytest.raises(ConfigurationError, match=r"AETHER_OBJECT_STORE: s3://nobody-made-this/"):
        await objects.check()


async def test_a_server_that_does_not_answer_is_no_configuration_error(
    s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(StoreUnavailableError):
        await ObjectFiles(s3).check()


def test_a_directory_that_cannot_be_created_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigurationError, match=r"AETHER_OBJECT_STORE: file:///.*/file/images cannot be used"):
        ObjectFiles(f"file://{tmp_path}/file/images")
