"""Event follower of `aether watch` with the real service, while processes are killed and connections break."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import pytest
from redis.asyncio import Redis

from aether.adapters.redis.hub import DeltaPublisher
from aether.cli.client.api_client import ApiClient
from aether.cli.client.event_follower import PollingIntervals, follow_events
from aether.cli.kinds import KINDS
from aether.cli.kinds.report import REPORT, to_markdown
from aether.cli.kinds.report_state import Report
from aether.cli.output.progress_events import TextDelta
from aether.durable.change_hub import Delta
from tests.chaos.proxy import Proxy
from tests.scripted_model import Hang, Rule, Setup
from tests.service.resources import RESOURCES, Resource
from tests.service.stack import API, Stack
from tests.waiting import PATIENCE_S, until

TOPIC = "The Semaphore Line of Lille"
EVENTS_ONLY = PollingIntervals(poll_s=3600, check_s=3600)


class Watch(NamedTuple):
    """`aether watch` as a process, whose stderr goes to a file."""

    process: subprocess.Popen[bytes]
    stderr: Path

    @property
    def lines(self) -> list[str]:
        return self.stderr.read_text().splitlines()

    def wait_for_line(self, beginning: str) -> None:
        until(lambda: self.process.poll() is not None or any(line.startswith(beginning) for line in self.lines))
        assert any(line.startswith(beginning) for line in self.lines), self.lines

    def end(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.decode()


@contextmanager
def watching(stack: Stack, job_id: str, url: str) -> Iterator[Watch]:
    command = [sys.executable, "-m", "aether", "watch", job_id, "--url", url]
    log = stack.folder / f"watch-{job_id}"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, env=stack.environment, stdout=subprocess.PIPE, stderr=stderr) as process,
    ):
        try:
            yield Watch(process, log)
        finally:
            process.kill()


def written(stack: Stack, job_id: str) -> str:
    """The finished report as it should be on stdout."""
    return to_markdown(msgspec.convert(stack.get(job_id)["report"], Report))


def restart_api(stack: Stack) -> None:
    """Start the API again on the same port."""
    port = urlsplit(stack.url).port
    stack.api = stack.spawn([*API[:-1], str(port)])
    until(lambda: '"api.listening"' in stack.api.tail())


def test_a_job_is_watched_while_the_api_and_its_worker_are_killed(bare: Stack) -> None:
    bare.model.use([Rule(kind="section", index=3, do=Hang())], Setup(sections=3))
    worker = bare.ready(bare.start_worker())
    job_id = bare.submit(TOPIC)
    with watching(bare, job_id, bare.url) as watch:
        watch.wait_for_line("section 2/3: ")

        bare.api.end(signal.SIGKILL)
        watch.wait_for_line(f"{bare.url} does not answer")
        worker.end(signal.SIGKILL)
        bare.model.use([])
        restart_api(bare)
        watch.wait_for_line("The server is back.")
        bare.start_worker()

        assert watch.end() == (0, written(bare, job_id))
        assert [line.partition(":")[0] for line in watch.lines if line.startswith("section ")] == [
            "section 1/3",
            "section 2/3",
            "section 3/3",
        ]


def test_a_connection_that_breaks_repeatedly_loses_no_text(stack: Stack) -> None:
    stack.model.use([], Setup(sections=8, section_ms=1_500, jitter=1.0))
    with Proxy() as proxy:
        link = proxy.link(urlsplit(stack.url).netloc)
        job_id = stack.submit(TOPIC)
        with watching(stack, job_id, f"http://127.0.0.1:{link.port}") as watch:
            watch.wait_for_line("watching: ")
            for _ in range(10):
                link.reset_all()
                time.sleep(0.2)

            status, out = watch.end()

            sections = [line.partition(":")[0] for line in watch.lines if line.startswith("section ")]
    assert (status, out) == (0, written(stack, job_id))
    assert sorted(sections) == [f"section {at}/8" for at in range(1, 9)]


# The processes of the real service do not know the example kind.
@pytest.mark.parametrize("resource", [each for each in RESOURCES if each.kind.is_known], ids=repr)
async def test_the_stream_of_every_kind_reports_a_change(bare: Stack, resource: Resource) -> None:
    async with ApiClient(bare.url, KINDS[resource.kind]) as client:
        job_id = await client.submit(resource.body, str(uuid4()))
        before = await client.get(job_id)
        async with follow_events(
            partial(client.events, job_id), before.version, lambda _: None, EVENTS_ONLY
        ) as follower:
            await client.cancel(job_id)
            await follower.wait_for_change()
        assert (await client.get(job_id, before)).state.outcome == "cancelled"


async def test_text_is_streamed_while_it_is_written(bare: Stack) -> None:
    deltas: asyncio.Queue[TextDelta] = asyncio.Queue()
    async with ApiClient(bare.url, REPORT) as client, Redis.from_url(bare.valkey.url) as redis:
        job_id = await client.submit({"topic": TOPIC}, str(uuid4()))
        async with (
            DeltaPublisher(redis) as publisher,
            follow_events(partial(client.events, job_id), "1", deltas.put_nowait, EVENTS_ONLY),
        ):
            while deltas.empty():
                publisher.publish(job_id, Delta("section:1", 2, 7, "It fell"))
                await asyncio.sleep(0.05)
            assert await deltas.get() == TextDelta(1, 2, "It fell")
