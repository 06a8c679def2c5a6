"""A cluster of one node: all keys of a deployment have one hash tag, so that they are in one slot."""

from pathlib import Path

import pytest
import pytest_socket

from aether.bootstrap.server_check import check_server
from aether.errors import ConfigurationError
from aether.settings import Secret, Settings
from tests.processes.redis_server import HOST, RedisServer, free_port
from tests.service.stack import Stack, Valkey
from tests.waiting import until

HASH_TAG = "{aether}:"


def cluster_options() -> list[str]:
    return ["--cluster-enabled", "yes", "--bind", HOST, "--cluster-port", str(free_port())]


class ClusterValkey(Valkey):
    """A server that has all slots of its cluster."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, *cluster_options())

    def start(self) -> None:
        super().start()
        self.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until(lambda: self.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")


def test_a_report_is_written_in_a_cluster_and_each_key_has_the_hash_tag(tmp_path: Path) -> None:
    valkey = ClusterValkey(tmp_path / "valkey")
    with Stack(tmp_path, valkey, AETHER_KEY_PREFIX=HASH_TAG) as stack:
        stack.start_worker()

        job_id = stack.submit("Roads")
        stack.when(job_id, "completed")

        assert stack.http.get("/health/ready").status_code == 200
        assert job_id in stack.http.get("/reports").text
        assert stack.http.delete(f"/reports/{job_id}").status_code == 204
        assert {key.startswith(HASH_TAG.encode()) for key in valkey.client.scan_iter()} == {True}


async def test_a_cluster_without_a_hash_tag_is_refused(tmp_path: Path) -> None:
    pytest_socket._remove_restrictions()
    with RedisServer(tmp_path / "redis", *cluster_options()) as server:
        await check_server(Settings(redis_url=Secret(server.url), key_prefix=HASH_TAG))
        with pytest.raises(ConfigurationError, match="AETHER_KEY_PREFIX needs a hash tag"):
            await check_server(Settings(redis_url=Secret(server.url)))
