import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page

from aether.bootstrap.authentication import open_api_keys
from aether.settings import Secret, Settings
from tests.service.stack import Stack

pytestmark = pytest.mark.browser

_OPERATIONS = """all => all.map(one => {
    const [method, path] = ["method", "path"].map(part => one.querySelector(`.opblock-summary-${part}`));
    return `${method.textContent} ${path.dataset.path}`;
})"""


@pytest.fixture
def said(page: Page) -> list[str]:
    """What the page complains of, from the moment it is opened; what its own policy forbids is among it."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.fixture
def asked(page: Page) -> set[str]:
    """The hosts that the page asks for anything."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    return asked


@pytest.fixture
def locked(stack: Stack) -> Iterator[tuple[str, str]]:
    """An API that asks for a key, and one that it takes."""
    # A database of its own: from the first key on nobody else would get in.
    database = f"{stack.valkey.url}?db=1"

    async def create() -> str:
        async with open_api_keys(Settings(redis_url=Secret(database))) as known:
            _, secret = await known.create(f"docs-{uuid4().hex}")
            return secret.reveal()

    # The browser's event loop runs in this thread.
    with ThreadPoolExecutor(1) as beside, stack.another_api(REDIS_URL=database) as url:
        yield url, beside.submit(asyncio.run, create()).result()


def authorize(page: Page, key: str) -> None:
    page.locator(".scheme-container .authorize").click()
    bearer = page.locator(".auth-container").filter(has_text="bearerAuth")
    bearer.locator("input").fill(key)
    bearer.locator("button[type=submit]").click()
    bearer.locator(".btn-done").click()


def try_out(page: Page, path: str, body: object) -> Locator:
    """Send a POST from the page; return where the answer is shown."""
    operation = page.locator(".opblock-post").filter(has=page.locator(f"[data-path='{path}']")).first
    operation.locator(".opblock-summary-control").click()
    operation.locator("textarea").first.fill(json.dumps(body))
    operation.locator(".execute").click()
    return operation.locator(".live-responses-table")


def test_the_docs_list_every_operation_without_any_other_host(
    stack: Stack, page: Page, said: list[str], asked: set[str]
) -> None:
    page.goto(f"{stack.url}/docs")
    page.locator(".opblock").first.wait_for()

    document = stack.http.get("/schema/openapi.json").json()
    items = document["paths"] | document["webhooks"]
    operations = {f"{method.upper()} {path}" for path, item in items.items() for method in item}
    shown = page.locator(".opblock").evaluate_all(_OPERATIONS)
    assert (set(shown), said) == (operations, [])
    assert asked == {urlsplit(stack.url).netloc}


@pytest.mark.parametrize("width", [1280, 390])
def test_the_operations_are_shown_before_the_types_of_problems(stack: Stack, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{stack.url}/docs")
    page.locator(".opblock").first.wait_for()

    operations = [box["y"] for each in page.locator(".opblock").all() if (box := each.bounding_box())]
    rows = [box for each in page.locator("td", has_text="urn:aether:problem:").all() if (box := each.bounding_box())]
    described = stack.http.get("/schema/openapi.json").json()["info"]["description"]
    assert len(rows) == described.count("urn:aether:problem:")
    assert max(operations) < rows[0]["y"]
    assert max(box["x"] + box["width"] for box in rows) <= width
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_call_is_tried_out_with_a_key(locked: tuple[str, str], page: Page, said: list[str], asked: set[str]) -> None:
    url, key = locked
    page.goto(f"{url}/docs")
    authorize(page, key)
    answer = try_out(page, "/reports", {"topic": "The Lock of Bramah"})

    answer.locator(".response-col_status", has_text="202").wait_for()
    assert "jobId" in (answer.text_content() or "")
    assert (asked, said) == ({urlsplit(url).netloc}, [])


def test_a_call_without_a_key_is_told_what_is_missing(locked: tuple[str, str], page: Page, asked: set[str]) -> None:
    url, _ = locked
    page.goto(f"{url}/docs")
    answer = try_out(page, "/reports", {"topic": "The Lock of Bramah"})

    answer.locator(".response-col_status", has_text="401").wait_for()
    assert "unauthenticated" in (answer.text_content() or "")
    assert asked == {urlsplit(url).netloc}
