import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aether.cli.output.atomic_write import write_atomically


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file of this process can grow beyond `free` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_new_file_is_whole_and_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.md", b"new\n")
    assert (tmp_path / "a.md").read_bytes() == b"new\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.md"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("old")
    with full_disk(100), pytest.raises(OSError, match="File too large"):
        write_atomically(tmp_path / "a.md", bytes(1000))
    assert (tmp_path / "a.md").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.md"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    write_atomically(tmp_path / "link.md", b"new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, b"text")
    assert os.read(reader, 100) == b"text"
    assert pipe.is_fifo()
    os.close(reader)
