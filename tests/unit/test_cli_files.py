import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aether.cli.local.discovery import (
    ServerAddress,
    address_file,
    find_server,
    publish_address,
    read_address,
    withdraw_address,
)
from aether.cli.output.atomic_write import write_atomically
from aether.settings import Secret


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


def test_an_address_is_for_its_owner_only(tmp_path: Path) -> None:
    address = ServerAddress("http://127.0.0.1:1", os.getpid())
    publish_address(tmp_path / "home", address)
    assert read_address(tmp_path / "home") == address
    assert stat.S_IMODE(address_file(tmp_path / "home").stat().st_mode) == 0o600


def test_an_address_holds_a_key_that_it_does_not_show(tmp_path: Path) -> None:
    publish_address(tmp_path, ServerAddress("http://127.0.0.1:1", 4711, Secret("open sesame")))
    address = read_address(tmp_path)
    assert address is not None
    assert address.key is not None
    assert address.key.reveal() == "open sesame"
    assert "sesame" not in repr(address)


def test_only_the_own_address_is_withdrawn(tmp_path: Path) -> None:
    publish_address(tmp_path, ServerAddress("http://127.0.0.1:1", 4711))
    withdraw_address(tmp_path, 4712)
    assert read_address(tmp_path) is not None
    withdraw_address(tmp_path, 4711)
    assert read_address(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"url": "http://127.0.0.1:1", "pid": 2147483646}'])
async def test_no_server_runs_where_none_is(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        address_file(tmp_path).write_bytes(content)
    assert await find_server(tmp_path) is None
