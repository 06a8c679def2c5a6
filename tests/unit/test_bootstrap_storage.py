import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aether.adapters.object_store import ObjectFiles
from aether.adapters.redis.files import RedisFiles
from aether.bootstrap.storage import file_store
from aether.errors import ConfigurationError
from aether.settings import Settings


def test_files_are_stored_in_redis_unless_an_object_store_is_configured(tmp_path: Path) -> None:
    urls = (None, f"file://{tmp_path}/images")

    assert [type(file_store(Redis(), Settings(object_store=url))) for url in urls] == [RedisFiles, ObjectFiles]


def test_without_the_library_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "aether.adapters.object_store", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(ConfigurationError, match=r"AETHER_OBJECT_STORE .* pip install 'obstore"):
        file_store(Redis(), Settings(object_store=f"file://{tmp_path}/images"))


@pytest.mark.parametrize("url", ["/var/lib/images", "file://images", "s3:bucket", "s3://", "https://bucket/images"])
def test_a_url_that_is_neither_a_directory_nor_a_bucket_is_rejected(url: str) -> None:
    with pytest.raises(ConfigurationError, match="AETHER_OBJECT_STORE"):
        Settings.from_env({"AETHER_OBJECT_STORE": url})


@pytest.mark.parametrize("url", ["file:///var/lib/images", "s3://bucket", "s3://bucket/some/folder"])
def test_a_directory_or_a_bucket_is_accepted(url: str) -> None:
    assert Settings.from_env({"AETHER_OBJECT_STORE": url}).object_store == url
