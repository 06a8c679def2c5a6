"""Path prefix: behind a proxy that strips it, every address leads through the proxy."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from aether.domain.job import Change, Status
from aether.server.proxy_headers import ProxyHeaders
from tests.event_streams import Listener
from tests.service.api_harness import ApiHarness
from tests.service.resources import EVERY_KIND, GENERATIONS, UNKNOWN, Resource

PROXY = "10.0.0.1"
ORIGIN = "https://example.com"
COMPLETED = Change(status=Status.COMPLETED)


class StrippingProxy(httpx.ASGITransport):
    """Removes `/aether` from the path, and says so in a header if it is not named in the server's settings."""

    def __init__(self, app: Any, headers: dict[str, str], address: str = PROXY) -> None:
        super().__init__(app, client=(address, 1))
        self._headers = headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.removeprefix(b"/aether")
        assert path != request.url.raw_path, f"{request.url} does not lead through the proxy"
        request.url = request.url.copy_with(raw_path=path)
        request.headers.update(self._headers)
        return await super().handle_async_request(request)


@pytest.fixture(params=["header", "setting"])
async def caller(request: pytest.FixtureRequest, harness: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """A caller on the other side of a proxy."""
    says_prefix = request.param == "header"
    headers = {"X-Forwarded-Prefix": "/aether", "X-Forwarded-Proto": "https"} if says_prefix else {}
    async with harness.client(public_url=None if says_prefix else f"{ORIGIN}/aether/") as client:
        transport = StrippingProxy(ProxyHeaders(client.app, PROXY), headers)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as caller:
            yield caller


@EVERY_KIND
async def test_every_address_of_a_job_leads_through_the_proxy(caller: httpx.AsyncClient, resource: Resource) -> None:
    accepted = await caller.post(f"/aether{resource.path}", json=json.loads(resource.request))
    location = accepted.headers["Location"]
    job = await caller.get(location)
    await caller.post(f"{location.rstrip('/')}/cancel")
    retried = await caller.post(f"{location.rstrip('/')}/retry")
    token = (await caller.post(f"{location.rstrip('/')}/token")).json()

    assert location.startswith(f"/aether{resource.path}/")
    assert (job.status_code, retried.headers["Location"]) == (200, location)
    assert token["url"].startswith(f"{ORIGIN}{location.rstrip('/')}/events{resource.slash}?access_token=")


async def test_images_are_found_through_the_proxy(caller: httpx.AsyncClient, harness: ApiHarness) -> None:
    await harness.process(await harness.create_job(GENERATIONS), COMPLETED)
    (image, *_) = (await caller.get(f"/aether{GENERATIONS.url()}")).json()["images"]

    assert image == f"{ORIGIN}/aether/api/generation/{UNKNOWN}/images/0"
    assert (await caller.get(image)).json()["type"].endswith("unknown-image")


async def test_the_inbox_leads_through_the_proxy(caller: httpx.AsyncClient, harness: ApiHarness) -> None:
    await harness.process(await harness.create_report(), COMPLETED)
    (item,) = (await caller.get("/aether/notifications")).json()["notifications"]

    assert item["href"] == f"/aether/reports/{UNKNOWN}"
    assert (await caller.get(item["href"])).json()["status"] == "completed"


async def test_a_problem_names_the_path_that_the_caller_knows(caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/aether/nothing")

    assert answer.json()["instance"] == "/aether/nothing"


async def test_the_docs_lead_through_the_proxy(caller: httpx.AsyncClient) -> None:
    root = await caller.get("/aether/")
    page = await caller.get(root.headers["Location"])
    document = await caller.get("/aether/schema/openapi.json")
    known = await caller.get("/aether/schema/openapi.json", headers={"If-None-Match": document.headers["ETag"]})
    (script, _) = (part.split('"')[0] for part in page.text.split('<script src="')[1:])

    assert root.headers["Location"] == "/aether/docs"
    assert 'data-document="/aether/schema/openapi.json"' in page.text
    assert document.json()["servers"] == [{"url": "/aether"}]
    assert (known.status_code, (await caller.get(script)).status_code) == (304, 200)


async def test_without_a_proxy_addresses_have_no_prefix(harness: ApiHarness) -> None:
    async with harness.client() as client:
        document = await client.get("/schema/openapi.json")
        accepted = await client.post("/reports", json={"topic": "Rome"})

    assert document.json()["servers"] == [{"url": "/"}]
    assert accepted.headers["Location"].startswith("/reports/")


@asynccontextmanager
async def behind(
    harness: ApiHarness, headers: dict[str, str], address: str = PROXY
) -> AsyncIterator[httpx.AsyncClient]:
    async with harness.client() as client:
        transport = StrippingProxy(ProxyHeaders(client.app, PROXY), headers, address)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as caller:
            yield caller


async def test_only_a_trusted_proxy_sets_the_prefix(harness: ApiHarness) -> None:
    async with behind(harness, {"X-Forwarded-Prefix": "/evil"}, "10.0.0.2") as caller:
        accepted = await caller.post("/aether/reports", json={"topic": "Rome"})

    assert accepted.headers["Location"].startswith("/reports/")


@pytest.mark.parametrize("prefix", ["/a", "/0", "/reports", "/r", "/-", "/reports/reports"])
async def test_a_prefix_may_occur_in_the_path_of_a_job(harness: ApiHarness, prefix: str) -> None:
    job_id = await harness.create_report("0a1b2c3d-0000-4000-8000-00000000000a")
    async with behind(harness, {"X-Forwarded-Prefix": prefix}) as caller:
        job = await caller.get(f"/aether/reports/{job_id}")
        page = await caller.get("/aether/api/v1/reports")

    assert [job.status_code, page.status_code] == [200, 200]


async def test_a_prefix_stays_as_encoded_as_it_is(harness: ApiHarness) -> None:
    async with behind(harness, {"X-Forwarded-Prefix": "/caf%C3%A9"}) as caller:
        problem = (await caller.get("/aether/n%C3%A9ant")).json()

    assert problem["instance"] == "/caf%C3%A9/n%C3%A9ant"


async def test_the_prefix_of_the_proxy_precedes_that_of_the_settings(harness: ApiHarness) -> None:
    async with harness.client(public_url="https://one.example/one") as client:
        transport = StrippingProxy(ProxyHeaders(client.app, PROXY), {"X-Forwarded-Prefix": "/two"})
        async with httpx.AsyncClient(transport=transport, base_url="http://two.example") as caller:
            token = (await caller.post(f"/aether/reports/{await harness.create_report()}/token")).json()

    assert token["url"].startswith("http://two.example/two/reports/")


@pytest.mark.parametrize("public_url", ["https://aether.example", "https://aether.example/"])
async def test_the_origin_of_a_public_url_without_a_path_is_that_of_addresses(
    harness: ApiHarness, public_url: str
) -> None:
    async with harness.client(public_url=public_url) as client:
        accepted = await client.post("/reports", json={"topic": "Rome"})
        token = (await client.post(f"{accepted.headers['Location']}/token")).json()

    assert accepted.headers["Location"].startswith("/reports/")
    assert token["url"].startswith("https://aether.example/reports/")


async def test_the_notifications_of_a_stream_lead_through_the_proxy(harness: ApiHarness) -> None:
    await harness.process(await harness.create_report(), COMPLETED)
    app = ProxyHeaders(harness.local_app(), "127.0.0.1")
    async with Listener(app, "/notifications/events", {"X-Forwarded-Prefix": "/aether"}) as listener:
        event = await listener.next()

    assert event.data["href"] == f"/aether/reports/{UNKNOWN}"
