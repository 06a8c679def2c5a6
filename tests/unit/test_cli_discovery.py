import os
import stat
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
from aether.settings import Secret


def test_only_the_owner_may_read_an_address(tmp_path: Path) -> None:
    address = ServerAddress("http://127.0.0.1:1", os.getpid())
    publish_address(tmp_path / "data", address)
    assert read_address(tmp_path / "data") == address
    assert stat.S_IMODE(address_file(tmp_path / "data").stat().st_mode) == 0o600


def test_an_address_holds_a_key_that_its_repr_hides(tmp_path: Path) -> None:
    publish_address(tmp_path, ServerAddress("http://127.0.0.1:1", 4711, Secret("open sesame")))
    address = read_address(tmp_path)
    assert address is not None
    assert address.key is not None
    assert address.key.reveal() == "open sesame"
    assert "sesame" not in repr(address)


def test_a_server_withdraws_only_its_own_address(tmp_path: Path) -> None:
    publish_address(tmp_path, ServerAddress("http://127.0.0.1:1", 4711))
    withdraw_address(tmp_path, 4712)
    assert read_address(tmp_path) is not None
    withdraw_address(tmp_path, 4711)
    assert read_address(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"url": "http://127.0.0.1:1", "pid": 2147483646}'])
async def test_no_server_is_found_where_none_runs(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        address_file(tmp_path).write_bytes(content)
    assert await find_server(tmp_path) is None
