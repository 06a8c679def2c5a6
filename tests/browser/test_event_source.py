"""What a page hears of a report by the browser's own `EventSource`, with nothing of ours around it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response

from tests.chaos.proxy import Link, Proxy
from tests.scripted_model import Setup
from tests.service.stack import Json, Stack

TOPIC = "The Lighthouse of Alexandria"

_NAMES = ["snapshot", "status", "steps", "outline", "section", "section.delta", "attempt", "gap", "completed", "failed"]
_LISTEN = """([jobId, names]) => {
    window.heard = [];
    window.source = new EventSource(`/reports/${jobId}/events`);
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


def statuses(page: Page) -> list[int]:
    """What the requests for events are answered with from now on."""
    answered: list[int] = []

    def note(answer: Response) -> None:
        if answer.url.endswith("/events"):
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
    page.evaluate(_LISTEN, [job_id, _NAMES])
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
