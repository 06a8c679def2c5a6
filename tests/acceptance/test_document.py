"""The linters find nothing to say about the OpenAPI document, not so much as a warning."""

from pathlib import Path

import pytest

from tests.acceptance.tools import needs_node, run

RULES = Path(__file__).parent

pytestmark = [needs_node, pytest.mark.timeout(120)]


def test_redocly(document: Path, tmp_path: Path) -> None:
    command = ["redocly", "lint", "--max-problems", "1000", "--format", "stylish"]
    said = run(*command, "--config", RULES / "redocly.yaml", document, cwd=tmp_path, REDOCLY_SUPPRESS_UPDATE_NOTICE="1")

    assert "error" not in said
    assert "warning" not in said


def test_spectral(document: Path, tmp_path: Path) -> None:
    run("spectral", "lint", "--fail-severity", "hint", "--ruleset", RULES / "spectral.yaml", document, cwd=tmp_path)
