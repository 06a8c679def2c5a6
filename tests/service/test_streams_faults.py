"""Following a report through everything that can happen to connections and processes."""

import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import httpx2
import pytest

from aether.adapters.redis.keys import CHANGES
from aether.server.server import bound_socket
from aether.settings import Settings
from tests.chaos.proxy import Link, Proxy
from tests.event_streams import Parser, Received, parsed
from tests.scripted_model import Hang, Rule
from tests.service.stack import API, Json, Stack, _port_of
from tests.waiting import PATIENCE_S, slowness, until

TOPIC = "The Canal of Corinth"
SLOW = [Rule(kind="section", index=index, latency_ms=60.0 * index) for index in range(1, 8)]
HOLD_LAST = [*SLOW, Rule(kind="section", index=8, nth=1, do=Hang())]
ENDS = {"completed", "failed", "cancelled"}


@pytest.fixture
def bare(bare: Stack) -> Iterator[Stack]:
    """Whatever a test has killed is there again for the next one."""
    yield bare
    if not bare.valkey.answers():
        bare.valkey.start()
    if not bare.api.running:
        bare.start_api()


class Reader:
    """A client that keeps a report up to date by whatever way it finds, and knows when an event is missing or repeated.

    `cuts` counts the connections that were lost in the middle of an answer.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.version = 0
        self.outline: list[str] = []
        self.sections: dict[str, str] = {}
        self.cuts = 0
        self.streamed = 0
        self.end: Json | None = None

    def stream(self, url: str) -> None:
        """Follow the stream until it is cut or ends."""
        headers = {"Last-Event-ID": str(self.version)} if self.version else {}
        parser = Parser()
        with self._asking(url) as http, http.stream("GET", self._path("/events"), headers=headers) as answer:
            for piece in answer.iter_raw():
                for event in parser.feed(piece):
                    self.apply(event)

    def poll(self, url: str) -> None:
        """Ask for what is behind the version that is known, and wait for it."""
        with self._asking(url) as http:
            tag = {"If-None-Match": f'"{self.version}"'}
            answer = http.get(self._path(), headers={"Prefer": "wait=1"} | tag)
            if answer.status_code == 200:
                self._replace(answer.json())

    def get(self, url: str) -> None:
        """Ask for the whole."""
        with self._asking(url) as http:
            self._replace(http.get(self._path()).json())

    def apply(self, event: Received) -> None:
        self.streamed += 1
        assert event.name != "gap"
        if event.name == "section.delta":
            assert event.id is None
            assert self.outline[event.data["position"]] not in self.sections
            return
        assert event.id is not None
        if event.name == "snapshot" or event.name in ENDS:
            assert event.name == "snapshot" or int(event.id) in {self.version, self.version + 1}
            self._replace(event.data)
            return
        assert int(event.id) == self.version + 1, f"{event.id} came behind {self.version}"
        self.version += 1
        if event.name == "outline":
            self.outline = event.data["outline"]
        elif event.name == "section":
            assert event.data["heading"] == self.outline[event.data["position"]]
            assert event.data["heading"] not in self.sections
            self.sections[event.data["heading"]] = event.data["text"]

    def _replace(self, job: Json) -> None:
        assert job["version"] >= self.version
        report = job.get("report") or job["partial"]
        assert self.sections.items() <= report["sections"].items()
        self.version, self.outline, self.sections = job["version"], report["outline"], report["sections"]
        if job["status"] in ENDS:
            self.end = job

    def _path(self, action: str = "") -> str:
        return f"/reports/{self.job_id}{action}"

    @contextmanager
    def _asking(self, url: str) -> Iterator[httpx2.Client]:
        try:
            with httpx2.Client(base_url=url, timeout=PATIENCE_S) as http:
                yield http
        except httpx2.TransportError:
            self.cuts += 1


def assert_exact(reader: Reader, stack: Stack) -> None:
    job = stack.get(reader.job_id)
    assert reader.end == job
    assert list(reader.sections) or job["status"] != "completed"
    assert reader.sections == (job.get("report") or job["partial"])["sections"]


@contextmanager
def cutting(link: Link, dice: random.Random) -> Iterator[None]:
    """Reset all connections at random, a few dozen times a second, until the block ends."""
    over = threading.Event()

    def cut() -> None:
        while not over.wait(dice.uniform(0.005, 0.05)):
            link.reset_all()

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_client_that_is_cut_off_50_times_ends_with_the_exact_report(stack: Stack) -> None:
    dice = random.Random(11)  # noqa: S311 - no secret
    stack.model.use(HOLD_LAST)
    reader = Reader(stack.submit(TOPIC))
    with Proxy() as proxy:
        link = proxy.link(stack.url.removeprefix("http://").rstrip("/"))
        url = f"http://127.0.0.1:{link.port}"
        with cutting(link, dice):
            while reader.cuts < 50:
                dice.choice([reader.stream, reader.stream, reader.poll, reader.get])(url)
            stack.model.drop_connections()
            while reader.end is None:
                dice.choice([reader.stream, reader.poll])(url)

    assert_exact(reader, stack)
    assert reader.streamed > 0


def test_a_stream_goes_on_at_another_process_when_its_own_is_killed(bare: Stack) -> None:
    other = bare.spawn(API)
    until(lambda: _port_of(other.pid))
    try:
        bare.model.use(HOLD_LAST)
        reader = Reader(bare.submit(TOPIC))
        bare.start_worker()
        first = threading.Thread(target=reader.stream, args=(f"http://127.0.0.1:{_port_of(other.pid)}",))
        first.start()
        until(lambda: len(reader.sections) >= 2)
        other.end(signal.SIGKILL)
        first.join()
        seen = reader.version
        bare.model.drop_connections()
        while reader.end is None:
            reader.stream(bare.url)
    finally:
        other.end(signal.SIGKILL)

    assert reader.cuts == 1
    assert seen < reader.version
    assert_exact(reader, bare)


def test_a_stream_outlasts_a_restart_of_the_store(bare: Stack) -> None:
    bare.model.use(HOLD_LAST)
    reader = Reader(bare.submit(TOPIC))
    bare.start_worker()
    following = threading.Thread(target=reader.stream, args=(bare.url,))
    following.start()
    until(lambda: len(reader.sections) >= 2)
    bare.valkey.end(signal.SIGKILL)
    time.sleep(0.3)
    bare.valkey.start()
    bare.model.drop_connections()
    following.join(PATIENCE_S)

    assert reader.cuts == 0
    assert_exact(reader, bare)


def test_streams_and_long_polls_end_at_once_when_the_server_stops(bare: Stack) -> None:
    server = bare.spawn(API, AETHER_SHUTDOWN_GRACE="30")
    until(lambda: _port_of(server.pid))
    url = f"http://127.0.0.1:{_port_of(server.pid)}"
    readers = [Reader(bare.submit(TOPIC)) for _ in range(4)]
    threads = [threading.Thread(target=reader.stream, args=(url,)) for reader in readers]
    with httpx2.Client(base_url=url, timeout=PATIENCE_S) as http:
        answers: list[int] = []
        wait = {"Prefer": "wait=50"}
        held = bare.submit(TOPIC)
        path = f"/reports/{held}"
        threads.append(threading.Thread(target=lambda: answers.append(http.get(path, headers=wait).status_code)))
        for thread in threads:
            thread.start()
        until(lambda: all(reader.version for reader in readers))
        until(lambda: bare.valkey.client.pubsub_numsub(CHANGES + held)[0][1])
        began = time.monotonic()
        status = server.end(signal.SIGTERM)
        took_s = time.monotonic() - began
        for thread in threads:
            thread.join(PATIENCE_S)

    assert (status, answers) == (0, [200])
    assert [reader.cuts for reader in readers] == [0] * 4
    assert took_s < 10 * slowness()


def test_who_reads_late_holds_nobody_up_and_reads_all(bare: Stack) -> None:
    bare.model.use(SLOW)
    reader = Reader(bare.submit(TOPIC))
    host, port = bare.url.removeprefix("http://").rstrip("/").split(":")
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        lazy.connect((host, int(port)))
        lazy.sendall(f"GET /reports/{reader.job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        bare.start_worker()
        bare.when(reader.job_id, "completed")
        answer = HTTPResponse(lazy)
        answer.begin()
        for event in parsed(answer.read()):
            reader.apply(event)

    assert_exact(reader, bare)


def test_the_kernel_lets_go_who_reads_nothing_at_all() -> None:
    with bound_socket(Settings(port=0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


def test_head_of_a_stream_is_answered_at_once(stack: Stack) -> None:
    stack.model.use(HOLD_LAST)
    url = f"{stack.url.rstrip('/')}/reports/{stack.submit(TOPIC)}"
    with httpx2.Client(timeout=PATIENCE_S) as http:
        answers = [http.head(f"{url}/events"), http.get(url)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["Content-Type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["curl", "-sN"], id="curl"),
        pytest.param(
            [str(Path(sys.executable).with_name("http")), "--stream", "--ignore-stdin", "--body"], id="HTTPie"
        ),
    ],
)
def test_the_usual_tools_show_a_stream(stack: Stack, command: list[str]) -> None:
    stack.model.use(SLOW)
    job_id = stack.submit(TOPIC)
    line = [*command, f"{stack.url.rstrip('/')}/reports/{job_id}/events"]
    shown = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout

    seen = re.findall(r"^event: (\S+)$", shown, re.MULTILINE)
    assert seen[0] == "snapshot"
    assert seen[-1] == "completed"
    assert seen.count("completed") == 1
