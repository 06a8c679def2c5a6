"""Clients are generated from the document, and work unedited; `clients/` holds what they are made to do."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.acceptance.serving import Service
from tests.acceptance.tools import NODE_MODULES, needs_node, run
from tests.scripted_model import Rule

CLIENTS = Path(__file__).with_name("clients")
PAGE = CLIENTS.parents[2] / "docs" / "clients.md"
INSTALLERS = ("pip install ", "npm ")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _carthage_takes_long_enough_to_be_stopped(service: Service) -> None:
    service.stack.model.use([Rule(kind="outline", topic="Carthage", latency_ms=2_000)])


def test_openapi_python_client(service: Service, document: Path, tmp_path: Path) -> None:
    command = ["openapi-python-client", "generate", "--meta", "none", "--fail-on-warning"]
    run(*command, "--path", document, "--output-path", tmp_path / "aether_client", cwd=tmp_path)
    script = shutil.copy(CLIENTS / "openapi_python_client.py", tmp_path)

    run("mypy", "--strict", "--follow-imports", "silent", script, cwd=tmp_path)
    run("python", script, cwd=tmp_path, **service.environment)


def test_openapi_generator_in_python(service: Service, document: Path, tmp_path: Path) -> None:
    command = ["openapi-generator-cli", "generate", "-g", "python", "--package-name", "aether_openapi"]
    run(*command, "-i", document, "-o", tmp_path, cwd=tmp_path)
    script = shutil.copy(CLIENTS / "openapi_generator.py", tmp_path)

    run("python", script, cwd=tmp_path, **service.environment)


@needs_node
def test_openapi_typescript_and_openapi_fetch(service: Service, document: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run("openapi-typescript", document, "-o", "schema.d.ts", cwd=tmp_path)
    script = Path(shutil.copy(CLIENTS / "openapi_fetch.ts", tmp_path)).name

    options = ["--module", "nodenext", "--target", "es2022", "--allowImportingTsExtensions", "--types", "node"]
    run("tsc", "--strict", "--noEmit", *options, script, cwd=tmp_path)
    run("node", script, cwd=tmp_path, **service.environment)


@needs_node
def test_openapi_generator_in_typescript(service: Service, document: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    run("openapi-generator-cli", "generate", "-g", "typescript-fetch", "-i", document, "-o", "aether", cwd=tmp_path)
    script = shutil.copy(CLIENTS / "typescript_fetch.ts", tmp_path)

    options = ["--module", "commonjs", "--target", "es2022", "--esModuleInterop", "--types", "node"]
    run("tsc", "--strict", *options, "--outDir", "built", script, cwd=tmp_path)
    run("node", "built/typescript_fetch.js", cwd=tmp_path, **service.environment)


def section(language: str, folder: Path, service: Service) -> list[list[str]]:
    """Write the files of a section of the page, and return the commands that follow the installation."""
    text = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", service.url)
    (text,) = re.findall(rf"^## {language}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    for name, code in re.findall(r"^This is `([\w.]+)`:\n\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(code, encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return [shlex.split(command) for command in commands if not command.startswith(INSTALLERS)]


def write_report(commands: list[list[str]], folder: Path, service: Service) -> str:
    """Run the commands, and return what the last one prints."""
    for command in commands[:-1]:
        run(*(word for word in command if word != "npx"), cwd=folder)
    return run(*commands[-1], cwd=folder, AETHER_API_KEY=service.key)


def test_the_page_leads_to_a_report_in_python(service: Service, tmp_path: Path) -> None:
    out = write_report(section("Python", tmp_path, service), tmp_path, service)

    run("mypy", "--strict", "--follow-imports", "silent", "report.py", cwd=tmp_path)
    assert re.search(r"^# The Roman Empire\n\n## I\. .*\n\n\w", out, re.MULTILINE)


@needs_node
def test_the_page_leads_to_a_report_in_typescript(service: Service, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')

    out = write_report(section("TypeScript", tmp_path, service), tmp_path, service)

    assert re.search(r"^# The Roman Empire\n\n## I\. .*\n\n\w", out, re.MULTILINE)


def test_the_page_installs_what_is_tested() -> None:
    text = PAGE.read_text(encoding="utf-8")
    installed = re.findall(r"^\$ (?:pip|npm) install (.*)$", text, re.MULTILINE)
    packages = {word for words in installed for word in words.split() if not word.startswith("-")}
    tools = (CLIENTS.parent / "requirements.in").read_text(encoding="utf-8").split()
    tools += json.loads((CLIENTS.parent / "package.json").read_text(encoding="utf-8"))["devDependencies"]

    assert packages
    assert packages <= set(tools)
