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
from tests.service.fake_api import (
    GENERATIONS,
    IMAGES_COMPLETE,
    FakeApi,
    Response,
    generation_state,
    image_file,
    image_url,
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
PNG = image_file("image/png", b"\x89PNG\r\n\x1a\n first")


def api(*states: Response, on_submit: Response | None = None, files: tuple[Response, ...] = (PNG,)) -> FakeApi:
    server = FakeApi(states or (IMAGES_COMPLETE,), resource=GENERATIONS, on_submit=on_submit)
    server.files = {image_url(position): answer for position, answer in enumerate(files)}
    return server


def run(api: FakeApi, output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(aether, ["image", "A lighthouse", "-o", str(output), "--url", api.url, *arguments])


def test_an_image_is_written_to_its_file_and_failed_attempts_to_stderr(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    painted = generation_state("COMPLETE", [FAILED, SLOWED], images=[image_url(0)])
    with api(
        generation_state(),
        generation_state("PENDING", [FAILED]),
        generation_state("PENDING", [FAILED, SLOWED]),
        painted,
    ) as server:
        result = run(server, target)
    assert (result.exit_code, result.stdout) == (0, f"{target}\n")
    assert target.read_bytes() == PNG.content
    assert result.stderr.splitlines() == [
        f"accepted: {server.url}{GENERATIONS.job}",
        "attempt failed: image 1, try 1: The image server failed (HTTP 500); next try in 0.5 s",
        "attempt failed: image 1, try 2: The image server is overloaded (HTTP 429); next try in 2 s",
        "made: 1 image",
    ]


def test_only_options_that_were_used_are_sent(tmp_path: Path) -> None:
    with api() as server:
        run(server, tmp_path / "a.png")
        run(server, tmp_path / "a.png", "--count", "3", "--size", "1024x1024")
    assert [request.body for request in server.received("POST", "/api/generation")] == [
        {"prompt": "A lighthouse"},
        {"prompt": "A lighthouse", "count": 3, "size": "1024x1024"},
    ]


def test_several_images_are_numbered_and_get_the_extension_of_their_media_type(tmp_path: Path) -> None:
    both = generation_state("COMPLETE", images=[image_url(0), image_url(1)])
    with api(both, files=(PNG, image_file("image/jpeg", b"\xff\xd8\xff second"))) as server:
        result = run(server, tmp_path / "a", "--count", "2")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'a-1.png'}\n{tmp_path / 'a-2.jpg'}\n")
    assert (tmp_path / "a-1.png").read_bytes() == PNG.content
    assert (tmp_path / "a-2.jpg").read_bytes() == b"\xff\xd8\xff second"


@pytest.mark.parametrize("origin", ["http://aether.invalid", "http://10.0.0.1:8000/behind/a/proxy"])
def test_an_image_of_the_server_is_fetched_from_the_url_that_the_client_uses(tmp_path: Path, origin: str) -> None:
    with api(generation_state("COMPLETE", images=[f"{origin}{image_url(0)}"])) as server:
        assert run(server, tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == PNG.content


def test_images_may_be_on_another_host(tmp_path: Path) -> None:
    with api() as elsewhere:
        elsewhere.files = {"/bucket/0": PNG}
        with api(generation_state("COMPLETE", images=[f"{elsewhere.url}/bucket/0"])) as server:
            assert run(server, tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() == PNG.content


def test_an_image_is_fetched_again_while_the_server_is_unavailable(tmp_path: Path) -> None:
    away = problem(503, "The job store is unavailable.", {"Retry-After": "0"})
    with api(files=()) as server:
        server.files = Once({image_url(0): away}, {image_url(0): PNG})
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, (tmp_path / "a.png").read_bytes()) == (0, PNG.content)
    assert "The job store is unavailable; trying again for up to 60 s\nThe server is back.\n" in result.stderr


class Once(dict[str, Response]):
    """Gives each answer once, and afterwards those of `then`."""

    def __init__(self, first: dict[str, Response], then: dict[str, Response]) -> None:
        super().__init__(first)
        self._then = then

    def __getitem__(self, path: str) -> Response:
        answer = super().__getitem__(path)
        self[path] = self._then[path]
        return answer


@pytest.mark.parametrize(
    "broken", [image_file("text/html", b"<html>"), problem(404, "No job with this id exists; it may have expired.")]
)
def test_an_image_that_cannot_be_fetched_replaces_no_file(tmp_path: Path, broken: Response) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    with api(files=(broken,)) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (tmp_path / "a.png").read_bytes() == b"old"


async def test_a_truncated_image_is_an_error() -> None:
    half = PNG._replace(headers={"Content-Type": "image/png", "Content-Length": "1000", "Connection": "close"})
    with api(files=(half,)) as server:
        session = JobSession(IMAGE, RemoteServer(server.url), LineDisplay(io.StringIO()), StopSignal(), timeout_s=0.0)
        await session.run({"prompt": "A lighthouse"})
        with pytest.raises(ServerUnavailableError):
            await session.file(image_url(0))


def test_a_failed_generation_shows_the_reason_and_writes_nothing(tmp_path: Path) -> None:
    with api(generation_state("FAILED", [FAILED], error="Step 'image:0' gave up.")) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("The image generation failed: Step 'image:0' gave up. (1 attempt failed)\n")
    assert list(tmp_path.iterdir()) == []


def test_a_generation_that_another_client_cancelled_is_a_failure(tmp_path: Path) -> None:
    with api(generation_state("FAILED", error="cancelled")) as server:
        result = run(server, tmp_path / "a.png")
    assert result.exit_code == 1
    assert result.stderr.endswith("cancelled; no attempt failed\n")


def test_a_server_without_an_image_model_is_a_configuration_error(tmp_path: Path) -> None:
    with api(on_submit=problem(501, "Set AETHER_IMAGE_MODEL to make images.")) as server:
        result = run(server, tmp_path / "a.png")
    assert (result.exit_code, result.stderr) == (2, "Error: Set AETHER_IMAGE_MODEL to make images.\n")
    assert len(server.received("POST", "/api/generation")) == 1


def test_the_output_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    with api() as server:
        assert run(server, tmp_path / "nowhere" / "a.png").exit_code == 2
        assert CliRunner().invoke(aether, ["image", "A lighthouse", "--url", server.url]).exit_code == 2
    assert server.requests == []
