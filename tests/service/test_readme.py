"""Every command of the README is run, or the test says by what else it is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.picky_model import PickyModel
from tests.service.stack import Stack
from tests.service.test_brief import shell
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
TYPED = re.findall(r"^\$ (.*)$", BLOCKS, re.MULTILINE)
INLINE = re.findall(r"`((?:http :8000|make |aether |python worker|arq |docker )[^`]*)`", README)
COMMANDS = [re.sub(r"\s+#.*$", "", command) for command in TYPED + INLINE]

ELSEWHERE = {
    "aether api --host 127.0.0.1 --port 8000": "stack.py starts it, on a port of its own",
    "aether worker": "test_cli_serve.py",
    "aether serve": "test_cli_serve.py",
    'aether report "The Roman Empire"': "test_cli_serve.py",
    "aether checklist guideline.txt": "test_cli_serve.py",
    'aether image "A lighthouse" -o lighthouse.png': "test_cli_serve.py",
    "aether watch 0d2f6c1e-…": "test_watching.py",
    "aether keys create ci": "test_cli_serve_keys.py",
    "python worker.py": "stack.py starts it",
    "arq worker.WorkerSettings": "test_crash.py",
    "export REDIS_URL=redis://localhost:6379/0 OPENAI_API_KEY=…": "no command of ours",
    "docker compose up --build --scale worker=4": "needs Docker; test_settings_check.py reads its file",
    "uv tool install '.[embedded]'": "tests/acceptance/test_package.py, which needs network",
    "aether check": "test_settings_check.py",
    "aether model": "test_cli_model.py",
    "aether report": "test_cli_serve.py",
}
ACTIVATE = ". .venv/bin/activate"
MADE = re.compile(r"make( \w+)?$")


# Whatever model is named in front of it, for which the scripted one stands here, it is the same command.
REPORTS = sorted({found[0] for command in COMMANDS if (found := re.search("make report .*", command))})


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(("curl ", "http "))])
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_is_typed_to_the_api_is_answered(stack: Stack, command: str) -> None:
    job_id = stack.submit("The Roman Empire")
    command = command.replace("http://127.0.0.1:8000", "http://HOST").replace(":8000", ":PORT")

    answer = shell(command.replace("0d2f6c1e-…", job_id), stack)

    assert '"jobId":' in answer.replace(" ", "")


@pytest.mark.parametrize("command", REPORTS)
def test_make_writes_a_report(stack: Stack, command: str) -> None:
    """With the environment that make has set up already, and the scripted model instead of those it names."""
    environment = stack.environment | {"AETHER_DATA_DIR": str(stack.folder / "make")}
    # Its own store, and no word of the make that may have started these tests.
    for inherited in ("REDIS_URL", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        environment.pop(inherited, None)
    ready = ["-o", f"{sys.prefix}/.runtime", f"VENV={sys.prefix}"]
    done = subprocess.run(
        ["sh", "-c", f'{command} "$@"', "sh", *ready],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# The Roman Empire\n\n## I. ")


def test_an_activated_environment_has_the_command(tmp_path: Path) -> None:
    assert ACTIVATE in COMMANDS
    command = f"{ACTIVATE.replace('.venv', sys.prefix)} && aether --version"
    path = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=path, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("aether, version ")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.endswith(" aether model")])
def test_the_check_of_a_model_shows_what_the_readme_shows(command: str, tmp_path: Path) -> None:
    (shown,) = re.findall(rf"^\$ {re.escape(command)}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    listed = {"data": [{"id": name} for name in ("llama3.1", "qwen3", "nomic-embed-text")]}
    with PickyModel(models=listed) as model:
        typed = command.replace("http://localhost:11434", model.origin).replace("aether", f"{sys.prefix}/bin/aether")
        environment = {"PATH": "/usr/bin:/bin", "AETHER_DATA_DIR": str(tmp_path)}
        done = subprocess.run(["sh", "-c", typed], env=environment, capture_output=True, text=True, check=True)

    printed = done.stdout.replace(model.origin, "http://localhost:11434")
    assert re.sub(r"\d\.\d s", "… s", printed) == re.sub(r"\d\.\d s", "… s", shown)


@pytest.mark.parametrize("command", [command for command in COMMANDS if MADE.match(command)])
def test_make_knows_its_targets(command: str) -> None:
    done = subprocess.run(
        [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False
    )

    assert done.returncode == 0, done.stderr


def test_no_command_is_left_out() -> None:
    tried = ("curl ", "http ", "make", ACTIVATE)
    here = ("make report", "aether model")
    left = {command for command in COMMANDS if not command.startswith(tried) and not any(map(command.count, here))}

    assert left == left & ELSEWHERE.keys()
    assert len(COMMANDS) > 10
