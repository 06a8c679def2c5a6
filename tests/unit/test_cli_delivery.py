from datetime import UTC, datetime
from pathlib import Path

import pytest

from aether.cli.kinds.report import report_document
from aether.cli.kinds.report_state import Report, ReportState
from aether.cli.output.delivery import DocumentDelivery, File, expiry

URL = "http://127.0.0.1:1/reports/j"
REPORT = Report("Rome", ("I. Rise",), {"I. Rise": "It rose."})
DOCUMENT = "# Rome\n\n## I. Rise\n\nIt rose.\n"


async def fetch_nothing(_: str) -> File:
    raise AssertionError("a document needs no file")


def report_delivery(output: Path | None) -> DocumentDelivery[ReportState]:
    return DocumentDelivery("report", report_document, output)


async def test_a_document_that_cannot_be_written_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder existed when the command began."""
    target = tmp_path / "gone" / "rome.md"
    assert await report_delivery(target).deliver(ReportState("completed", report=REPORT), URL, fetch_nothing) == 1
    shown = capsys.readouterr()
    assert shown.out == DOCUMENT
    assert shown.err == f"Error: {target} could not be written (No such file or directory); here is the report.\n"


@pytest.mark.parametrize("output", [None, "rome.md"])
async def test_control_characters_are_removed(
    tmp_path: Path, output: str | None, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Whatever the kind does to its text: a terminal would obey them."""
    target = tmp_path / output if output else None
    delivery: DocumentDelivery[ReportState] = DocumentDelivery("report", lambda _: "It \x1b[2J\x9brose.\r\n", target)
    assert await delivery.deliver(ReportState("completed"), URL, fetch_nothing) == 0
    printed = capsysbinary.readouterr().out
    assert (target.read_bytes() if target else printed) == b"It [2Jrose.\n"


def test_a_partial_document_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "gone" / "rome.md"
    report_delivery(target).save_partial(ReportState("failed", partial=REPORT), URL)
    assert f"could not be written to {target.with_name('rome.partial.md')}" in capsys.readouterr().err


@pytest.mark.parametrize("output", [None, "rome.md"])
def test_an_empty_document_is_not_saved(tmp_path: Path, output: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    report_delivery(tmp_path / output if output else None).save_partial(ReportState("failed"), URL)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_the_expiry_is_named_if_it_is_known() -> None:
    assert expiry(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)) == " until 2030-01-02 03:04 UTC"
    assert expiry(None) == ""
