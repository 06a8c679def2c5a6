from pathlib import Path

import pytest

from aether.cli.report import _deliver, _rescue
from aether.cli.wire import Job, Report

REPORT = Report("Rome", ("I. Rise",), {"I. Rise": "It rose."})


def test_a_report_that_cannot_be_written_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder was there when the command began."""
    target = tmp_path / "gone" / "rome.md"
    assert _deliver(REPORT, target) == 1
    shown = capsys.readouterr()
    assert shown.out == "# Rome\n\n## I. Rise\n\nIt rose.\n"
    assert shown.err == f"Error: {target} could not be written (No such file or directory); here is the report.\n"


def test_sections_that_cannot_be_written_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _rescue(Job("j", "failed", 3, partial=REPORT), "http://127.0.0.1:1", tmp_path / "gone" / "rome.md")
    assert f"could not be written to {tmp_path / 'gone' / 'rome.partial.md'}" in capsys.readouterr().err
