from pathlib import Path

import click
import pytest

from aether.cli.kinds.checklist import checklist_delivery
from aether.cli.kinds.report import report_delivery, report_document
from aether.cli.kinds.report_state import Report, ReportState
from aether.cli.output.delivery import DocumentDelivery, File
from aether.cli.output.export_delivery import ExportDelivery, chosen_format
from aether.documents.formats import FORMATS

URL = "http://127.0.0.1:1/reports/j"
COMPLETED = ReportState("completed", report=Report("Rome"))


class Stdout:
    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("output", "named", "wanted"),
    [
        (None, None, "md"),
        ("rome.md", None, "md"),
        ("rome", None, "md"),
        ("rome.PDF", None, "pdf"),
        ("rome.htm", None, "html"),
        ("rome.txt", None, "txt"),
        ("rome.v2", "docx", "docx"),
        (None, "json", "json"),
        ("rome.epub", "epub", "epub"),
    ],
)
def test_the_ending_or_the_option_chooses_the_format(output: str | None, named: str | None, wanted: str) -> None:
    assert chosen_format(Path(output) if output else None, named).name == wanted


def test_no_format_is_written_into_a_file_of_another() -> None:
    with pytest.raises(click.UsageError, match=r"--format md does not fit rome\.pdf, which is the name of a PDF file"):
        chosen_format(Path("rome.pdf"), "md")
    with pytest.raises(click.UsageError, match=r"\.odt is not the ending of a format \(\.md, \.html, \.pdf"):
        chosen_format(Path("rome.odt"), None)


def test_a_terminal_is_not_sent_bytes() -> None:
    with pytest.raises(click.UsageError, match="A terminal cannot show PDF"):
        chosen_format(None, "pdf", Stdout(is_terminal=True))
    assert chosen_format(None, "pdf", Stdout(is_terminal=False)).name == "pdf"
    assert chosen_format(None, "html", Stdout(is_terminal=True)).name == "html"


def test_markdown_is_written_here_and_other_formats_by_the_server(tmp_path: Path) -> None:
    for delivery in (report_delivery, checklist_delivery):
        markdown, pdf = delivery(tmp_path / "a.md"), delivery(tmp_path / "a.pdf")
        assert isinstance(markdown, DocumentDelivery)
        assert (markdown.export_format, pdf.export_format) == (None, "pdf")


async def test_the_document_is_downloaded_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fetch(url: str) -> File:
        assert url == f"{URL}/export/pdf"
        return File(b"%PDF", "application/pdf")

    target = tmp_path / "rome.pdf"
    assert await ExportDelivery(FORMATS["pdf"], target, report_document).deliver(COMPLETED, URL, fetch) == 0
    assert target.read_bytes() == b"%PDF"
    assert capsys.readouterr().out == f"{target}\n"


async def test_a_document_that_cannot_be_written_is_kept_by_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fetch(_: str) -> File:
        return File(b"%PDF", "application/pdf")

    target = tmp_path / "gone" / "rome.pdf"
    assert await ExportDelivery(FORMATS["pdf"], target, report_document).deliver(COMPLETED, URL, fetch) == 1
    assert capsys.readouterr().err == (
        f"Error: {target} could not be written (No such file or directory). It is kept: aether export j\n"
    )


def test_what_is_finished_can_be_had_by_another_command(capsys: pytest.CaptureFixture[str]) -> None:
    ExportDelivery(FORMATS["pdf"], Path("rome.pdf"), report_document).save_partial(COMPLETED, URL)
    assert capsys.readouterr().err == "What is finished is kept: aether export j --partial -o rome.pdf\n"


def test_nothing_is_said_of_a_document_that_was_not_begun(capsys: pytest.CaptureFixture[str]) -> None:
    state = ReportState("failed", partial=Report("Rome", ("I. Rise",)))
    ExportDelivery(FORMATS["pdf"], Path("rome.pdf"), report_document).save_partial(state, URL)
    assert capsys.readouterr().err == ""
