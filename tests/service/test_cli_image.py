import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aether.cli.client.errors import ServerUnavailableError
from aether.cli.client.job_session import JobSession
from aether.cli.client.server_connection import RemoteServer
from aether.cli.commands.main import aether
from aether.cli.kinds.image import IMAGE
from aether.cli.local.signals import StopSignal
from aether.cli.output.progress import LineDisplay
from tests.service.cli_api import (
    GENERATIONS,
    PAINTED,
    Answer,
    FakeApi,
    generation,
    image_url,
    picture,
    problem,
)

FAILED = {
    "number": 1,
    "step": "image:0",
    "at": "2030-01-01T00:00:00Z",
    "status": 500,
    "error": "The image server failed (HTTP 500).",
    "waitSeconds": 0.5,
    "nextRetryAt": "2030-01-01T00:00:00.5Z",
}
SLOWED = FAILED | {"number": 2, "status": 429, "error": "The image server is overloaded (HTTP 429).", "waitSeconds": 2}
PNG = picture("image/png", b"\x89PNG\r\n\x1a\n first")


def api(*states: Answer, accept: Answer | None = None, pictures: tuple[Answer, ...] = (PNG,)) -> FakeApi:
    server = FakeApi(states or (PAINTED,), of=GENERATIONS, accept=accept)
    server.pictures = {image_url(position): answer for position, answer in enumerate(pictures)}
    return server


def run(api: FakeApi, output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aether, ["image", "A lighthouse", "-o", str(output), "--url", api.url, *arguments])


def test_an_image_goes_to_its_file_and_failed_attempts_to_stderr(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    painted = generation("COMPLETE", [FAILED, SLOWED], images=[image_url(0)])
    with api(generation(), generation("PENDING", [FAILED]), generation("PENDING", [FAILED, SLOWED]), painted) as server:
        result = run(server, target)
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == PNG.content
    assert result.stderr.splitlines() == [
        f"accepted: {server.url}{GENERATIONS.job}",
        "attempt failed: image 1, try 1: The image server failed (HTTP 500); next try in 0.5 s",
        "attempt failed: image 1, try 2: The image server is overloaded (HTTP 429); next try in 2 s",
        "made: 1 image",
    ]


def test_only_what_was_given_is_sent_under_its_wire_name(tmp_path: Path) -> None:
    with api() as server:
        run(server, tmp_path / "a.png")
        run(server, tmp_path / "a.png", "--count", "3", "--size", "1024x1024")
    assert [asked.body for asked in server.sent("POST", "/api/generation")] == [
        {"prompt": "A lighthouse"},
        {"prompt": "A lighthouse", "count": 3, "size": "1024x1024"},
    ]


def test_several_images_are_numbered_and_take_the_extension_of_their_kind(tmp_path: Path) -> None:
    both = generation("COMPLETE", images=[image_url(0), image_url(1)])
    with api(both, pictures=(PNG, picture("image/jpeg", b"\xff\xd8\xff second"))) as server:
        result = run(server, tmp_path / "a", "--count", "2")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'a-1.png'}\n{tmp_path / 'a-2.jpg'}\n")
    assert (tmp_path / "a-1.png").read_bytes() == PNG.content
    assert (tmp_path / "a-2.jpg").read_bytes() == b"\xff\xd8\xff second"


@pytest.mark.parametrize("origin", ["http://aether.invalid", "http://10.0.0.1:8000/behind/a/proxy"])
def test_the_server_is_asked_where_it_is_known_whatever_it_calls_itself(tmp_path: Path, origin: str) -> None:
    with api(generation("COMPLETE", images=[f"{origin}{image_url(0)}"])) as server:
        assert run(server, tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == PNG.content


def test_images_may_be_elsewhere(tmp_path: Path) -> None:
    with api() as elsewhere:
        elsewhere.pictures = {"/bucket/0": PNG}
        with api(generation("COMPLETE", images=[f"{elsewhere.url}/bucket/0"])) as server:
            assert run(server, tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == PNG.content


def test_an_image_is_waited_for_while_the_server_is_away(tmp_path: Path) -> None:
    away = problem(503, "The job store is unavailable.", {"Retry-After": "0"})
    with api(pictures=()) as server:
        server.pictures = Once({image_url(0): away}, {image_url(0): PNG})
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, (tmp_path / "a.png").read_bytes()) == (0, PNG.content)
    assert "The job store is unavailable; trying again for up to 60 s\nThe server is back.\n" in result.stderr


class Once(dict[str, Answer]):
    """Gives each answer once, and afterwards those of `then`."""

    def __init__(self, first: dict[str, Answer], then: dict[str, Answer]) -> None:
        super().__init__(first)
        self._then = then

    def __getitem__(self, path: str) -> Answer:
        answer = super().__getitem__(path)
        self[path] = self._then[path]
        return answer


@pytest.mark.parametrize(
    "broken", [picture("text/html", b"<html>"), problem(404, "No job with this id exists; it may have expired.")]
)
def test_an_image_that_does_not_come_replaces_nothing(tmp_path: Path, broken: Answer) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    with api(pictures=(broken,)) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (tmp_path / "a.png").read_bytes() == b"old"


async def test_half_an_image_is_none() -> None:
    half = PNG._replace(headers={"Content-Type": "image/png", "Content-Length": "1000", "Connection": "close"})
    with api(pictures=(half,)) as server:
        session = JobSession(IMAGE, RemoteServer(server.url), LineDisplay(io.StringIO()), StopSignal(), timeout_s=0.0)
        await session.run({"prompt": "A lighthouse"})
        with pytest.raises(ServerUnavailableError):
            await session.file(image_url(0))


def test_a_failed_generation_says_why_and_writes_nothing(tmp_path: Path) -> None:
    with api(generation("FAILED", [FAILED], error="Step 'image:0' gave up.")) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("The image generation failed: Step 'image:0' gave up. (1 attempt failed)\n")
    assert list(tmp_path.iterdir()) == []


def test_a_generation_cancelled_by_another_is_no_success(tmp_path: Path) -> None:
    with api(generation("FAILED", error="cancelled")) as server:
        result = run(server, tmp_path / "a.png")
    assert result.exit_code == 1
    assert result.stderr.endswith("cancelled; no attempt failed\n")


def test_a_server_without_an_image_model_is_a_matter_of_settings(tmp_path: Path) -> None:
    with api(accept=problem(501, "Set AETHER_IMAGE_MODEL to make images.")) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stderr) == (2, "Error: Set AETHER_IMAGE_MODEL to make images.\n")
    assert len(server.sent("POST", "/api/generation")) == 1


def test_a_place_for_the_image_is_needed_before_anything_is_sent(tmp_path: Path) -> None:
    with api() as server:
        assert run(server, tmp_path / "nowhere" / "a.png").exit_code == 2
        assert CliRunner().invoke(aether, ["image", "A lighthouse", "--url", server.url]).exit_code == 2
    assert server.asked == []
