"""What a page hears of a report by the browser's own `EventSource`, with nothing of ours around it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Page, Response
from typing_extensions import override

from tests.chaos.proxy import Link, Proxy
from tests.scripted_model import Setup
from tests.service.stack import Json, Stack

pytestmark = pytest.mark.browser
TOPIC = "The Lighthouse of Alexandria"

_NAMES = [
    "snapshot",
    "status",
    "steps",
    "outline",
    "section",
    "section.delta",
    "quality",
    "attempt",
    "gap",
    "completed",
    "failed",
]
_LISTEN = """([url, names]) => {
    window.heard = [];
    window.errors = 0;
    window.source = new EventSource(url);
    source.onerror = () => errors += 1;
    for (const name of names) {
        source.addEventListener(name, ({ data, lastEventId }) => {
            heard.push([name, Number(lastEventId), JSON.parse(data)]);
        });
    }
}"""
_HEARD = "name => heard.some(([heardName]) => heardName === name)"
_CLOSED = "() => source.readyState === EventSource.CLOSED"


@pytest.fixture
def link(stack: Stack) -> Iterator[Link]:
    """A way to the API that may be cut."""
    with Proxy() as proxy:
        yield proxy.link(urlsplit(stack.url).netloc)


@pytest.fixture
def page(page: Page, link: Link) -> Page:
    """An empty page of the API's own origin."""
    page.route("**/empty", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(f"http://127.0.0.1:{link.port}/empty")
    page.unroute_all()
    return page


class EmptyPage(BaseHTTPRequestHandler):
    """Any path is an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere(page: Page) -> Iterator[str]:
    """Another origin, at which the page is. A browser lets none that comes from nowhere call this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        page.goto(origin)
        yield origin
        page.goto("about:blank")
        server.shutdown()


def statuses(page: Page) -> list[int]:
    """What the requests for events are answered with from now on."""
    answered: list[int] = []

    def note(answer: Response) -> None:
        if urlsplit(answer.url).path.endswith("/events"):
            answered.append(answer.status)

    page.on("response", note)
    return answered


def pieced_together(heard: list[tuple[str, int, Json]]) -> Json:
    """The report as a page has it that adds each section it hears to those it has, without asking whether it is new."""
    outline: list[str] = []
    sections: list[tuple[str, str]] = []
    for name, _, data in heard:
        if name == "snapshot":
            outline, sections = data["partial"]["outline"], [*data["partial"]["sections"].items()]
        elif name == "outline":
            outline = data["outline"]
        elif name == "section":
            sections.append((data["heading"], data["text"]))
    assert sorted(heading for heading, _ in sections) == sorted(outline)
    return {"topic": TOPIC, "outline": outline, "sections": dict(sections)}


@pytest.mark.parametrize("cut_behind", ["section.delta", "section"])
def test_a_browser_whose_connection_is_cut_comes_back_and_hears_each_event_once(
    stack: Stack, link: Link, page: Page, cut_behind: str
) -> None:
    stack.model.use([], Setup(sections=4, section_ms=1_500, jitter=0.5, stream_pieces=20))
    answered = statuses(page)
    job_id = stack.submit(TOPIC)
    page.evaluate(_LISTEN, [f"/reports/{job_id}/events", _NAMES])
    page.wait_for_function(_HEARD, arg="snapshot")
    # Only now, since a call that begins before anybody listens tells nothing of its text.
    stack.start_worker()
    page.wait_for_function(_HEARD, arg=cut_behind)
    link.reset_all()
    page.wait_for_function(_HEARD, arg="completed")
    page.wait_for_function(_CLOSED)

    heard = page.evaluate("() => heard")
    job = stack.get(job_id)
    versions = [version for name, version, _ in heard if name != "section.delta"]
    assert versions == list(range(versions[0], job["version"] + 1))
    assert [name for name, _, _ in heard if name in {"snapshot", "gap", "completed"}] == ["snapshot", "completed"]
    assert pieced_together(heard) == heard[-1][2]["report"] == job["report"]
    # The browser itself came back twice: after the cut, and after the end, when there was nothing more to come.
    assert answered == [200, 200, 204]


def token_url(api: str, job_id: str) -> str:
    """The address of a job's events for whoever cannot send a key."""
    answer = httpx2.post(f"{api.rstrip('/')}/reports/{job_id}/token")
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return url


def test_a_page_of_a_listed_origin_follows_a_job_by_a_token_and_by_a_wrong_one_stops(
    stack: Stack, elsewhere: str, page: Page
) -> None:
    stack.start_worker()
    job_id = stack.submit(TOPIC)
    answered = statuses(page)
    with stack.another_api(AETHER_CORS_ORIGINS=elsewhere) as api:
        url = token_url(api, job_id)
        page.evaluate(_LISTEN, [url, _NAMES])
        page.wait_for_function(_HEARD, arg="completed")
        page.wait_for_function(_CLOSED)
        heard = page.evaluate("() => heard")
        page.evaluate(_LISTEN, [url[:-4] + "aaaa", _NAMES])
        page.wait_for_function(_CLOSED)

    assert heard[-1][2]["report"] == stack.get(job_id)["report"]
    assert page.evaluate("() => [heard, errors]") == [[], 1]
    assert answered == [200, 204, 401]


@pytest.mark.usefixtures("elsewhere")
def test_a_page_of_any_other_origin_hears_nothing(stack: Stack, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(_LISTEN, [token_url(stack.url, stack.submit(TOPIC)), _NAMES])
    page.wait_for_function(_CLOSED)

    assert page.evaluate("() => [heard, errors]") == [[], 1]
    assert "No 'Access-Control-Allow-Origin' header is present" in said[0]


def test_a_browser_that_comes_back_after_its_token_has_ended_stops_and_goes_on_with_another(
    stack: Stack, link: Link, page: Page
) -> None:
    through = f"http://127.0.0.1:{link.port}"
    job_id = stack.submit(TOPIC)
    answered = statuses(page)
    page.evaluate(_LISTEN, [token_url(through, job_id), _NAMES])
    page.wait_for_function(_HEARD, arg="snapshot")
    (token,) = stack.valkey.client.zrange(f"aether:tokens:{job_id}", 0, -1)
    stack.valkey.client.zadd(f"aether:tokens:{job_id}", {token: 1})
    link.reset_all()
    page.wait_for_function(_CLOSED)
    last = page.evaluate("() => heard.at(-1)[1]")
    stack.start_worker()
    page.evaluate(_LISTEN, [f"{token_url(through, job_id)}&after={last}", _NAMES])
    page.wait_for_function(_HEARD, arg="completed")
    page.wait_for_function(_CLOSED)

    versions = [version for name, version, _ in page.evaluate("() => heard") if name != "section.delta"]
    assert versions == list(range(last + 1, stack.get(job_id)["version"] + 1))
    assert answered == [200, 401, 200, 204]
