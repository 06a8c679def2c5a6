"""`aether serve` and the commands that use it, with all real processes and a scripted model."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from aether.cli.commands.serve import serve_api
from aether.cli.commands.workers import work
from aether.errors import ConfigurationError
from aether.settings import Settings
from tests.processes import starting
from tests.processes.process import Process
from tests.scripted_model import NAMED, Hang, Rule, ScriptedModel, Setup
from tests.waiting import PATIENCE_S, until

TOPIC = "Rome"
GUIDELINE = "Wash your hands before meals.\nKeep raw and cooked food apart."


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(Setup(sections=3)) as model:
        yield model


@pytest.fixture
def environment(tmp_path: Path, model: ScriptedModel) -> dict[str, str]:
    """Only a data directory and the scripted model are configured."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AETHER_", "OPENAI_"))}
    inherited.pop("REDIS_URL", None)
    return inherited | {
        "AETHER_DATA_DIR": str(tmp_path / "home"),
        "AETHER_SHUTDOWN_GRACE": "2",
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "k",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aether", *arguments]


def run(environment: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return starting.run(command(*arguments), environment, text)


@contextmanager
def serving(environment: dict[str, str], home: Path) -> Iterator[Process]:
    """Yield `aether serve` once it is ready; its log is in home/../log."""
    process = Process(command("serve", "--port", "0"), environment, home.parent / "log")
    try:
        until(lambda: (home / "server.json").exists() or not process.running)
        assert process.running, process.tail()
        yield process
    finally:
        process.end(signal.SIGKILL)


def processes_of(home: Path) -> list[int]:
    """The ids of all processes with this data directory."""
    mark = f"AETHER_DATA_DIR={home}\0".encode()
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if mark in _environment_of(folder)]


def _environment_of(folder: Path) -> bytes:
    try:
        return (folder / "environ").read_bytes()
    except OSError:
        return b""


pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")


def test_serve_publishes_its_address_makes_reports_and_leaves_no_process(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    home = tmp_path / "home"
    with serving(environment, home) as service:
        file = home / "server.json"
        address = json.loads(file.read_text())
        assert address["pid"] == service.pid
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert httpx2.get(f"{address['url']}/health/ready").status_code == 200

        report = run(environment, "report", TOPIC)
        assert report.returncode == 0, report.stderr
        assert report.stdout.startswith(f"# {TOPIC}\n\n## I. ")
        assert report.stderr.startswith(f"accepted: {address['url']}/reports/")

        environment["AETHER_PORT"] = "0"
        assert run(environment, "serve").returncode == os.EX_TEMPFAIL

        assert service.end(signal.SIGTERM) == 0
    assert not file.exists()
    until(lambda: processes_of(home) == [])
    assert (
        f"Aether is ready at {address['url']}. Try:\n  curl {address['url']}/reports" in (tmp_path / "log").read_text()
    )


def test_a_job_can_be_watched_after_its_server_has_ended(tmp_path: Path, environment: dict[str, str]) -> None:
    """Another private server uses the same data directory."""
    report = run(environment, "report", TOPIC)
    accepted = next(line for line in report.stderr.splitlines() if line.startswith("accepted: "))
    watch = run(environment, "watch", accepted.rpartition("/")[2])
    assert (watch.returncode, watch.stdout) == (0, report.stdout), watch.stderr
    assert "section 3/3: III. " in watch.stderr
    until(lambda: processes_of(tmp_path / "home") == [])


def command_line(pid: int) -> bytes:
    """Read the command line of a process; it is empty if the process has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_serve_restarts_a_dead_worker(tmp_path: Path, environment: dict[str, str]) -> None:
    home = tmp_path / "home"

    def workers() -> list[int]:
        line = "\0".join([*command("worker"), ""]).encode()
        return [pid for pid in processes_of(home) if command_line(pid) == line]

    environment["AETHER_WORKER_PROCESSES"] = "2"
    with serving(environment, home) as service:
        until(lambda: len(workers()) == 2)
        before = set(workers())
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(set(workers()) - before) == 1)

        service.end(signal.SIGKILL)
        until(lambda: processes_of(home) == [])


def test_report_starts_and_stops_a_private_server(tmp_path: Path, environment: dict[str, str]) -> None:
    home, target = tmp_path / "home", tmp_path / "rome.md"
    report = run(environment, "report", TOPIC, "--output", str(target))
    assert (report.returncode, report.stdout) == (0, f"{target}\n"), report.stderr
    assert "starting a private server" in report.stderr
    assert "section 3/3: III. " in report.stderr
    assert target.read_text().count("\n## ") == 3
    assert not (home / "server.json").exists()
    until(lambda: processes_of(home) == [])


def test_report_shows_why_its_private_server_does_not_start(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "home").write_text("not a folder")
    report = run(environment, "report", TOPIC)
    assert report.returncode == 2
    assert report.stderr.splitlines()[-1].startswith(f"Error: The data directory {tmp_path / 'home'} cannot be used")


def test_report_shows_the_error_of_its_private_server(tmp_path: Path, environment: dict[str, str]) -> None:
    del environment["OPENAI_BASE_URL"], environment["OPENAI_API_KEY"]
    environment["AETHER_LOCAL_MODEL"] = str(tmp_path / "none.gguf")
    report = run(environment, "report", TOPIC)
    assert report.returncode == 2
    assert "Error: The private server did not start. " in report.stderr
    assert "none.gguf" in report.stderr
    until(lambda: processes_of(tmp_path / "home") == [])


def test_serve_without_keys_listens_to_this_machine_only(environment: dict[str, str]) -> None:
    refused = run(environment, "serve", "--host", "0.0.0.0")  # noqa: S104 - what must not work
    assert refused.returncode == 2
    (message,) = [line for line in refused.stderr.splitlines() if not line.startswith('{"')]
    assert message.startswith("Error: Whoever reaches 0.0.0.0 needs a key, and there is none.")
    assert "AETHER_ALLOW_ANONYMOUS" in message


@pytest.mark.parametrize("half", [serve_api, work])
async def test_api_and_worker_alone_need_a_redis_url(half: Callable[[Settings], Awaitable[None]]) -> None:
    with pytest.raises(ConfigurationError, match="Set REDIS_URL"):
        await half(Settings())


@pytest.mark.parametrize("half", ["api", "worker", "serve"])
def test_a_malformed_redis_url_is_an_error_of_one_line(environment: dict[str, str], half: str) -> None:
    refused = run(environment | {"REDIS_URL": "redis://:secret#word@localhost:6379/0"}, half)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: REDIS_URL must look like redis://")
    assert "secret" not in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("half", ["api", "serve"])
def test_an_unusable_object_store_is_an_error_of_one_line(
    tmp_path: Path, environment: dict[str, str], half: str
) -> None:
    (tmp_path / "file").touch()
    environment |= {"AETHER_OBJECT_STORE": f"file://{tmp_path}/file/folder", "REDIS_URL": "redis://127.0.0.1:1/0"}
    refused = run(environment, half, "--port", "0")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: AETHER_OBJECT_STORE: ")
    assert len(refused.stderr.splitlines()) == 1


def test_report_goes_on_when_the_server_it_uses_ends(
    tmp_path: Path, environment: dict[str, str], model: ScriptedModel
) -> None:
    """Two reports may use the private server of one of them, which ends with its report."""
    home = tmp_path / "home"
    model.use(setup=Setup(sections=3, section_ms=1000))
    with serving(environment, home) as service:
        with subprocess.Popen(command("report", TOPIC), env=environment, stdout=-1, stderr=-1, text=True) as report:
            until(lambda: any(call.step.of == "section" for call in model.record.calls()))
            service.signal(signal.SIGTERM)
            out, err = report.communicate(timeout=PATIENCE_S)
        assert service.end(signal.SIGTERM) == 0
    assert report.returncode == 0, err
    assert out.startswith(f"# {TOPIC}\n\n## I. ")
    assert "trying again for up to 60 s" in err
    assert "starting a private server" in err
    until(lambda: processes_of(home) == [])


def test_a_command_waits_for_a_server_that_is_restarted(
    tmp_path: Path, environment: dict[str, str], model: ScriptedModel
) -> None:
    """A private server would lock the store, and have other settings."""
    home = tmp_path / "home"
    model.use(setup=Setup(sections=3, section_ms=1000))
    with serving(environment, home) as service:
        report = subprocess.Popen(command("report", TOPIC), env=environment, stdout=-1, stderr=-1, text=True)
        until(lambda: any(call.step.of == "section" for call in model.record.calls()))
        service.end(signal.SIGTERM)
    with serving(environment, home), report:
        out, err = report.communicate(timeout=PATIENCE_S)
    assert report.returncode == 0, err
    assert out.startswith(f"# {TOPIC}\n\n## I. ")
    assert "starting a private server" not in err


def test_checklist_reads_the_guideline_from_a_pipe(tmp_path: Path, environment: dict[str, str]) -> None:
    checklist = run(environment, "checklist", "-", "--quotes", text=GUIDELINE)
    assert checklist.returncode == 0, checklist.stderr
    bullets = checklist.stdout.splitlines()
    assert [line for line in bullets if line.startswith("  > ")] == [f"  > {line}" for line in GUIDELINE.splitlines()]
    assert len([line for line in bullets if line.startswith("- ")]) == 2
    assert [line.partition(":")[0] for line in checklist.stderr.splitlines()[-2:]] == ["summary", "checklist"]
    until(lambda: processes_of(tmp_path / "home") == [])


def test_image_shows_failed_attempts_and_writes_the_file(
    tmp_path: Path, environment: dict[str, str], model: ScriptedModel
) -> None:
    model.use([Rule(kind="image", nth=nth, do=NAMED[fault]) for nth, fault in ((1, "500"), (2, "reset"))])
    target = tmp_path / "lighthouse"
    image = run(environment | {"AETHER_IMAGE_MODEL": "painter"}, "image", "A lighthouse", "-o", str(target))
    assert (image.returncode, image.stdout) == (0, f"{target}.png\n"), image.stderr
    failures = [line for line in image.stderr.splitlines() if line.startswith("attempt failed: image 1, try ")]
    assert len(failures) == 2
    assert all("; next try in " in line for line in failures)
    assert (tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")


def test_image_names_the_missing_setting(tmp_path: Path, environment: dict[str, str]) -> None:
    image = run(environment, "image", "A lighthouse", "-o", str(tmp_path / "a.png"))
    assert image.returncode == 2
    assert "AETHER_IMAGE_MODEL" in image.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [("checklist", "guideline.txt"), ("image", "A lighthouse", "-o", "a.png")])
def test_an_interrupt_cancels_the_job_and_ends_the_server(
    tmp_path: Path, environment: dict[str, str], model: ScriptedModel, arguments: tuple[str, ...]
) -> None:
    model.use([Rule(do=Hang())])
    environment["AETHER_IMAGE_MODEL"] = "painter"
    (tmp_path / "guideline.txt").write_text(GUIDELINE)
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command(*arguments), cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True)
        )
        stack.callback(process.kill)
        until(model.record.calls)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, ""), err
    assert "cancelling\ncancelled; " in err
    until(lambda: processes_of(tmp_path / "home") == [])


def test_an_interrupt_before_the_job_is_submitted_stops_the_server(
    tmp_path: Path, environment: dict[str, str], model: ScriptedModel
) -> None:
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command("report", TOPIC), env=environment, stdout=-1, stderr=-1, text=True)
        )
        stack.callback(process.kill)
        assert process.stderr
        assert process.stderr.readline().startswith("starting a private server")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("Stopped before the report was asked for.\n")
    assert model.record.calls() == []
    until(lambda: processes_of(tmp_path / "home") == [])
