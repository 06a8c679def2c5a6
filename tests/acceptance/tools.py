"""The tools of others that read the OpenAPI document; they live in an environment of their own."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-acceptance"
NODE_MODULES = TOOLS / "node_modules"

needs_node = pytest.mark.skipif(not (TOOLS / ".node").exists(), reason="npm could not install the tools in JavaScript")


def run(*command: object, cwd: Path, **environment: str) -> str:
    """Run a tool to its end in this folder, and return what it has to say; that it complains is an error."""
    path = f"{TOOLS / 'bin'}:{NODE_MODULES / '.bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    return done.stdout
