import asyncio
from pathlib import Path

import pytest

from aether.cli.client.errors import UnexpectedResponseError
from aether.cli.kinds.checklist import ChecklistState, Item, checklist_document
from aether.cli.kinds.image import ImageFiles, ImageState, image_path
from aether.cli.kinds.report import Report, ReportState, report_document
from aether.cli.output.delivery import DocumentDelivery, File

URL = "http://127.0.0.1:1/reports/j"
REPORT = Report("Rome", ("I. Rise",), {"I. Rise": "It rose."})
DOCUMENT = "# Rome\n\n## I. Rise\n\nIt rose.\n"
IMAGES = ImageState("COMPLETE", ("/0", "/1"))


async def never(_: str) -> File:
    raise AssertionError("a document needs nothing more")


async def fetch(url: str) -> File:
    return File(f"image of {url}".encode(), "image/png")


def report_to(output: Path | None) -> DocumentDelivery[ReportState]:
    return DocumentDelivery("report", report_document, output)


async def test_a_report_that_cannot_be_written_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder was there when the command began."""
    target = tmp_path / "gone" / "rome.md"
    assert await report_to(target).deliver(ReportState("completed", report=REPORT), URL, never) == 1
    shown = capsys.readouterr()
    assert shown.out == DOCUMENT
    assert shown.err == f"Error: {target} could not be written (No such file or directory); here is the report.\n"


def test_sections_that_cannot_be_written_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "gone" / "rome.md"
    report_to(target).save_partial(ReportState("failed", partial=REPORT), URL)
    assert f"could not be written to {target.with_name('rome.partial.md')}" in capsys.readouterr().err


@pytest.mark.parametrize("state", [ReportState("failed"), ReportState("failed", partial=Report("Rome", ("I. Rise",)))])
def test_where_nothing_is_finished_nothing_is_rescued(
    tmp_path: Path, state: ReportState, capsys: pytest.CaptureFixture[str]
) -> None:
    report_to(tmp_path / "rome.md").save_partial(state, URL)
    report_to(None).save_partial(state, URL)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("state", "document"),
    [
        (ChecklistState("running"), ""),
        (ChecklistState("failed", "Wash\x1b, then cook."), "Wash, then cook.\n"),
        (ChecklistState("succeeded", "Wash.", "- Wash.\n- Cook.\x07"), "- Wash.\n- Cook.\n"),
    ],
)
@pytest.mark.parametrize("quotes", [False, True])
def test_a_checklist_is_its_bullets_and_before_that_its_summary(
    state: ChecklistState, document: str, *, quotes: bool
) -> None:
    assert checklist_document(state, quotes=quotes) == document


def test_quotes_stand_below_their_items() -> None:
    items = (Item("Wash.", "wash your\nhands"), Item("Cook.", "- and cook"))
    state = ChecklistState("succeeded", "Wash.", "- Wash.\n- Cook.", items)
    assert checklist_document(state, quotes=True) == "- Wash.\n  > wash your hands\n- Cook.\n  > \\- and cook\n"


@pytest.mark.parametrize(
    ("output", "media_type", "one", "second_of_two"),
    [
        ("a.png", "image/jpeg", "a.png", "a-2.png"),
        ("a", "image/png", "a.png", "a-2.png"),
        ("a", "image/jpeg", "a.jpg", "a-2.jpg"),
        ("a", "image/x-new", "a", "a-2"),
        ("b/a.tar.webp", "image/webp", "b/a.tar.webp", "b/a.tar-2.webp"),
    ],
)
def test_several_images_are_numbered(output: str, media_type: str, one: str, second_of_two: str) -> None:
    assert image_path(Path(output), 1, 1, media_type) == Path(one)
    assert image_path(Path(output), 2, 2, media_type) == Path(second_of_two)


async def test_an_image_that_cannot_be_written_is_still_on_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a-2.png").mkdir()
    assert await ImageFiles(tmp_path / "a.png").deliver(IMAGES, URL, fetch) == 1
    shown = capsys.readouterr()
    kept = f"the images are kept: GET {URL}"
    assert shown.out == f"{tmp_path / 'a-1.png'}\n"
    assert shown.err == f"Error: {tmp_path / 'a-2.png'} could not be written (Is a directory); {kept}\n"


@pytest.mark.parametrize("broken", [File(b"<html>", "text/html"), File(b"?", "")])
def test_all_images_are_there_before_one_is_written(tmp_path: Path, broken: File) -> None:
    async def fetch_first_only(url: str) -> File:
        return await fetch(url) if url == "/0" else broken

    with pytest.raises(UnexpectedResponseError):
        asyncio.run(ImageFiles(tmp_path / "a.png").deliver(IMAGES, URL, fetch_first_only))
    assert list(tmp_path.iterdir()) == []
