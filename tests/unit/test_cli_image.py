import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aether.cli.client.errors import UnexpectedResponseError
from aether.cli.kinds.image import ImageAttempt, ImageFiles, ImageState, image_path
from aether.cli.output.delivery import File
from aether.cli.output.progress_events import AttemptFailure, StepFinished

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
URL = "http://127.0.0.1:1/api/generation/j"
COMPLETE = ImageState("COMPLETE", ("/0", "/1"))


async def fetch(url: str) -> File:
    return File(f"image of {url}".encode(), "image/png")


def test_failed_attempts_come_before_the_images() -> None:
    with_wait = ImageAttempt(1, NOON, "Away.", wait_seconds=1.5, step="image:1")
    with_time = ImageAttempt(2, NOON, "Away.", next_retry_at=NOON + timedelta(seconds=2))
    last = ImageAttempt(3, NOON, "Away.")
    pending = ImageState("PENDING", attempts=(with_wait,))
    complete = ImageState("COMPLETE", ("/0", "/1"), (with_wait, with_time, last))
    assert list(pending.events_since(None)) == [AttemptFailure("image 2", 1, "Away.", 1.5)]
    assert list(complete.events_since(pending)) == [
        AttemptFailure("image", 2, "Away.", 2.0),
        AttemptFailure("image", 3, "Away.", None),
        StepFinished("made", "2 images"),
    ]


def test_a_state_says_how_many_attempts_failed() -> None:
    state = ImageState("PENDING", attempts=(ImageAttempt(1, NOON, ""),))
    assert state.activity == "waiting for the image server; 1 attempt failed"
    assert ImageState("PENDING").activity == "waiting for the image server"
    assert ImageState("FAILED").completed_work == "no attempt failed"


@pytest.mark.parametrize(
    ("output", "media_type", "only", "second_of_two"),
    [
        ("a.png", "image/jpeg", "a.png", "a-2.png"),
        ("a", "image/png", "a.png", "a-2.png"),
        ("a", "image/jpeg", "a.jpg", "a-2.jpg"),
        ("a", "image/x-new", "a", "a-2"),
        ("b/a.tar.webp", "image/webp", "b/a.tar.webp", "b/a.tar-2.webp"),
    ],
)
def test_several_images_are_numbered(output: str, media_type: str, only: str, second_of_two: str) -> None:
    assert image_path(Path(output), 1, 1, media_type) == Path(only)
    assert image_path(Path(output), 2, 2, media_type) == Path(second_of_two)


async def test_an_image_that_cannot_be_written_is_still_on_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-2.png").mkdir()
    assert await ImageFiles(tmp_path / "a.png").deliver(COMPLETE, URL, fetch) == 1
    shown = capsys.readouterr()
    kept = f"the images are kept: GET {URL}"
    assert shown.out == f"{tmp_path / 'a-1.png'}\n"
    assert shown.err == f"Error: {tmp_path / 'a-2.png'} could not be written (Is a directory); {kept}\n"


@pytest.mark.parametrize("broken", [File(b"<html>", "text/html"), File(b"?", "")])
def test_no_image_is_written_before_all_are_fetched(tmp_path: Path, broken: File) -> None:
    async def fetch_first_only(url: str) -> File:
        return await fetch(url) if url == "/0" else broken

    with pytest.raises(UnexpectedResponseError):
        asyncio.run(ImageFiles(tmp_path / "a.png").deliver(COMPLETE, URL, fetch_first_only))
    assert list(tmp_path.iterdir()) == []
