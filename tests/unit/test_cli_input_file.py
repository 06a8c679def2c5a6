import io
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

import click
import pytest

from aether.cli.kinds.input_file import read_text
from aether.domain.checklist import MAX_GUIDELINE


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Wash.\r\n", "Wash.\r\n"),
        (b"\xef\xbb\xbfWash.", "Wash."),
        ("Größe\r\n手を洗う".encode("utf-16"), "Größe\r\n手を洗う"),
        (BOM_UTF16_BE + "手を洗う".encode("utf-16-be"), "手を洗う"),
        ("Wash 手.".encode("utf-16-le"), "Wash 手."),
        ("Wash 手.".encode("utf-16-be"), "Wash 手."),
        ("Wash 手.".encode("utf-32"), "Wash 手."),
        ("é".encode("utf-16") + ("é" * 19_999).encode("utf-16-le"), "é" * 20_000),
        (b"Wash.\n\x0cCook.\n", "Wash.\n\nCook.\n"),
        ("é".encode() * 20_000 + b"\n" * 5_000, "é" * 20_000 + "\n" * 5_000),
    ],
)
def test_a_text_is_read_unchanged_except_for_page_breaks(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "g.txt").write_bytes(content)
    assert read_text(str(tmp_path / "g.txt"), MAX_GUIDELINE) == text


def test_a_minus_means_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Wash.")))
    assert read_text("-", MAX_GUIDELINE) == "Wash."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty."),
        (b" \n\t", "is empty."),
        (b"\xef\xbb\xbf", "is empty."),
        (b"x" * 20_001, "is longer than 20,000 characters."),
        (b"\n" * 2_000_000, "is longer than 20,000 characters."),
        (b"Wash.\nGr\xf6\xdfe\n", "is no UTF-8 text (line 2)."),
        ("Wash.\nOn".encode("utf-16-le") + b"\x00\xdc", "is no UTF-16 text (line 2)."),
        ("Wash.".encode("utf-16") + b"a", "is no UTF-16 text (line 1)."),
        (BOM_UTF16_LE, "is empty."),
        ("x".encode("utf-16") + ("x" * 20_000).encode("utf-16-le"), "is longer than 20,000 characters."),
        ("é".encode() * 1_000_000, "is longer than 20,000 characters."),
    ],
)
def test_an_unusable_text_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "g.txt").write_bytes(content)
    with pytest.raises(click.BadParameter) as refused:
        read_text(str(tmp_path / "g.txt"), MAX_GUIDELINE)
    assert refused.value.message == f"{tmp_path / 'g.txt'} {reason}"


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file or directory")):
        with pytest.raises(click.BadParameter) as refused:
            read_text(str(path), MAX_GUIDELINE)
        assert refused.value.message == f"{path} cannot be read ({reason})."


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(click.BadParameter, match="/dev/zero is longer than"):
        read_text("/dev/zero", MAX_GUIDELINE)
