"""Clients are generated from the document, and work unedited; `clients/` holds what they are made to do."""

import shutil
from pathlib import Path

import pytest

from tests.acceptance.serving import Service
from tests.acceptance.tools import NODE_MODULES, needs_node, run
from tests.scripted_model import Rule

CLIENTS = Path(__file__).with_name("clients")

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
