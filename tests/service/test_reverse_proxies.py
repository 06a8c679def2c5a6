"""Behind a real nginx and a real Caddy that compress: streams, tags, long polls, and addresses below a prefix."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.processes.reverse_proxies import CADDY, NGINX, ReverseProxy
from tests.scripted_model import Setup
from tests.service.stack import Stack
from tests.waiting import PATIENCE_S, slowness

TOPIC = "The Aqueducts of Rome"
PREFIX = "/aether"
COMPRESSED = {"Accept-Encoding": "gzip"}


@pytest.fixture(params=[NGINX, CADDY], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> ReverseProxy:
    found: ReverseProxy = request.param
    if not found.is_installed:
        pytest.skip(f"{found.program} is not installed: apt-get install nginx-light caddy")
    return found


@pytest.fixture
def http(proxy: ReverseProxy, bare: Stack, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client that reaches the API through the proxy only."""
    with (
        proxy.serve(tmp_path, bare.url, PREFIX) as url,
        httpx2.Client(base_url=url, headers=COMPRESSED, timeout=PATIENCE_S) as http,
    ):
        yield http


def submit(http: httpx2.Client) -> str:
    answer = http.post("/reports", json={"topic": TOPIC})
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


def test_the_proxy_compresses_what_it_may(http: httpx2.Client) -> None:
    answer = http.get(f"/reports/{submit(http)}")

    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")


def test_the_first_event_comes_at_once_and_the_next_as_they_happen(http: httpx2.Client, bare: Stack) -> None:
    bare.model.use([], Setup(sections=3, section_ms=300, stream_pieces=4))
    job_id = submit(http)
    started = time.monotonic()
    names: list[str] = []
    with http.stream("GET", f"/reports/{job_id}/events") as answer:
        for event in httpx2.EventSource(answer):
            if not event.data:
                continue  # the delay before reconnecting
            if event.event == "snapshot":
                first_s = time.monotonic() - started
                # Only now, so that what follows is not in the same packet.
                bare.start_worker()
            names.append(event.event)

    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert first_s < 2 * slowness()
    assert names[0] == "snapshot"
    assert names[-1] == "completed"


def test_the_events_of_an_inbox_come_at_once(http: httpx2.Client, bare: Stack) -> None:
    job_id = submit(http)
    with http.stream("GET", "/notifications/events") as answer:
        started = time.monotonic()
        bare.http.post(f"/reports/{job_id}/cancel")
        notifications = (event.json() for event in httpx2.EventSource(answer) if event.event == "notification")
        hrefs: Iterator[str] = (each["href"] for each in notifications)  # type: ignore[index]  # JSON
        found = next(href for href in hrefs if href.endswith(job_id))
        waited_s = time.monotonic() - started

    assert found == f"{PREFIX}/reports/{job_id}"
    assert waited_s < 2 * slowness()


def test_a_job_is_waited_for_by_the_tag_that_the_proxy_shows(http: httpx2.Client, proxy: ReverseProxy) -> None:
    job_id = submit(http)
    tag = http.get(f"/reports/{job_id}").headers["ETag"]
    started = time.monotonic()
    held = http.get(f"/reports/{job_id}", headers={"If-None-Match": tag, "Prefer": "wait=1"})

    assert tag == ('W/"1"' if proxy is NGINX else '"1"')
    assert held.status_code == 304
    assert time.monotonic() - started >= 1


def test_every_address_leads_through_the_proxy(http: httpx2.Client) -> None:
    origin = str(http.base_url).removesuffix(f"{PREFIX}/")
    accepted = http.post("/reports", json={"topic": TOPIC})
    location = accepted.headers["Location"]
    token = httpx2.post(f"{origin}{location}/token").json()
    page = http.get("/docs")
    (script, _) = (part.split('"')[0] for part in page.text.split('<script src="')[1:])

    assert location.startswith(f"{PREFIX}/reports/")
    assert token["url"].startswith(f"{origin}{location}/events?")
    assert httpx2.get(f"{origin}{location}").json()["jobId"] == accepted.json()["jobId"]
    assert httpx2.get(f"{origin}{script}").status_code == 200
    assert http.get("/schema/openapi.json").json()["servers"] == [{"url": PREFIX}]
