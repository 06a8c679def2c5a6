"""Separation of owners: on every route, another owner's object gets the same response as a missing one.

The stores are called equally often in both cases, so that the time does not differ either.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from aether.domain.access import Scope
from aether.domain.image import Image
from aether.domain.job import Change, Kind, Status
from aether.domain.template import Template, TemplateSection
from aether.domain.webhook import Endpoint, Webhook
from tests.fake_templates import MemoryTemplates
from tests.fake_webhooks import MemoryWebhooks
from tests.fakes import MemoryFiles, MemoryJobStore
from tests.service.api_harness import ApiHarness, finish_outline, finish_section, finished_step
from tests.service.resources import RESOURCES

Client = AsyncTestClient[Litestar]

UNKNOWN_ID = "99999999-9999-4999-8999-999999999999"
ADAS_TEMPLATE, UNKNOWN_TEMPLATE = "adas-brief", "unknown-one"
ADAS_JOBS = {f"{number}aaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa": resource for number, resource in enumerate(RESOURCES)}
IMAGE = Image("image/png", 4, "0" * 64)
RESULTS = {
    Kind.REPORT: [finish_outline("I. Rise"), finish_section(0, "It rose. " * 5_000)],
    Kind.IMAGE: [Change(total=1, steps=(finished_step("image:0", 0, IMAGE),))],
}


@dataclass
class CallCounter:
    """Counts the calls to several stores."""

    calls: int = 0


@dataclass
class CountingJobStore(MemoryJobStore):
    counter: CallCounter = field(default_factory=CallCounter)

    async def _answer(self) -> None:
        self.counter.calls += 1
        await super()._answer()


@dataclass
class CountingWebhooks(MemoryWebhooks):
    counter: CallCounter = field(default_factory=CallCounter)

    async def _answer(self) -> None:
        self.counter.calls += 1
        await super()._answer()


@dataclass
class CountingFiles(MemoryFiles):
    counter: CallCounter = field(default_factory=CallCounter)

    async def _answer(self) -> None:
        self.counter.calls += 1
        await super()._answer()


@dataclass
class CountingTemplates(MemoryTemplates):
    counter: CallCounter = field(default_factory=CallCounter)

    async def _answer(self) -> None:
        self.counter.calls += 1
        await super()._answer()


@pytest.fixture
def counter() -> CallCounter:
    return CallCounter()


@pytest.fixture
async def harness(counter: CallCounter) -> ApiHarness:
    """An API in which Ada has an ended job of each kind with its results, and Eve has nothing."""
    webhooks = CountingWebhooks(counter=counter)
    harness = ApiHarness(
        CountingJobStore(webhooks=webhooks, counter=counter),
        CountingFiles(counter=counter),
        templates=CountingTemplates(counter=counter),
    )
    await harness.templates.put("ada", ADAS_TEMPLATE, Template("Brief", (TemplateSection("Rise"),)))
    webhooks.endpoints["ada"] = Endpoint(Webhook("https://example.com/hook"))
    for job_id, resource in ADAS_JOBS.items():
        await harness.create_job(resource, job_id, owner="ada")
        await harness.process(job_id, *RESULTS.get(resource.kind, ()), Change(status=Status.COMPLETED))
        await harness.files.put(job_id, IMAGE.digest, b"\x89PNG")
    return harness


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[Client]:
    async with harness.client() as client:
        yield client


def requests_about(job_id: str, delivery_id: str, template: str) -> list[tuple[str, str]]:
    """Return the method and path of every request with a path parameter, for these ids."""
    names = dict.fromkeys((each.api.id_name for each in RESOURCES), job_id) | {
        "deliveryId": delivery_id,
        "name": template,
        "position": "0",
        "format": "md",
    }
    routes = [
        route for route in ApiHarness().local_app().routes if isinstance(route, HTTPRoute) and route.path_parameters
    ]
    calls = [
        (method, route.path_format.format_map(names))
        for route in routes
        if not route.path_format.startswith(("/docs", "/schema"))
        for method in sorted(set(route.methods) - {"OPTIONS"})
    ]
    lists = [("GET", f"/webhooks/deliveries?job={job_id}")]
    return calls + lists


def visible(answer: httpx.Response, *names: str) -> tuple[int, bytes, dict[str, str]]:
    """Return what the caller sees, with "…" instead of the ids in the request."""
    content = answer.content
    for name in names:
        content = content.replace(name.encode(), "…".encode())
    return answer.status_code, content, {**answer.headers} | {"x-request-id": "", "content-length": ""}


@pytest.mark.parametrize("job_id", ADAS_JOBS, ids=map(repr, RESOURCES))
async def test_objects_of_another_owner_are_as_unknown_as_missing_ones(
    client: Client, harness: ApiHarness, counter: CallCounter, job_id: str
) -> None:
    eve = await harness.authorization("eve", Scope.ADMIN)
    (delivery_id,) = (each.id for each in harness.store.webhooks.deliveries.values() if each.job_id == job_id)
    before = (dict(harness.store.jobs), dict(harness.store.webhooks.deliveries), list(harness.store.inboxes["ada"]))

    for known_request, unknown_request in zip(
        requests_about(job_id, delivery_id, ADAS_TEMPLATE),
        requests_about(UNKNOWN_ID, f"{UNKNOWN_ID}-9", UNKNOWN_TEMPLATE),
        strict=True,
    ):
        answers, numbers_of_calls = [], []
        for method, path in (known_request, unknown_request):
            counter.calls = 0
            answers.append(await client.request(method, path, headers=eve))
            numbers_of_calls.append(counter.calls)

        unknown_names = (f"{UNKNOWN_ID}-9", UNKNOWN_ID, UNKNOWN_TEMPLATE)
        shown = visible(answers[0], delivery_id, job_id, ADAS_TEMPLATE)
        assert shown == visible(answers[1], *unknown_names), known_request
        assert numbers_of_calls[0] == numbers_of_calls[1], known_request
        # A template of any name can be stored; there is no body.
        expected = 400 if known_request[0] == "PUT" else 200 if "?" in known_request[1] else 404
        assert answers[0].status_code == expected, known_request
    assert before == (harness.store.jobs, harness.store.webhooks.deliveries, harness.store.inboxes["ada"])


async def test_the_owner_has_access_on_each_of_these_routes(client: Client, harness: ApiHarness) -> None:
    """Otherwise the responses compared above could be equal for another reason."""
    ada = await harness.authorization("ada", Scope.ADMIN)
    for job_id, resource in ADAS_JOBS.items():
        (delivery_id,) = (each.id for each in harness.store.webhooks.deliveries.values() if each.job_id == job_id)
        # DELETE comes last.
        for method, path in sorted(
            requests_about(job_id, delivery_id, ADAS_TEMPLATE), key=lambda call: call[0] == "DELETE"
        ):
            about_it = resource.path in path or "/webhooks" in path or "/templates" in path
            answer = await client.request(method, path, headers=ada)
            assert (answer.status_code != 404) is about_it, (method, path, answer.text)
            if method == "DELETE" and about_it:
                break


async def test_lists_contain_nothing_of_another_owner(client: Client, harness: ApiHarness) -> None:
    eve = await harness.authorization("eve", Scope.ADMIN)
    lists = ["/reports", "/jobs", "/api/generation", "/notifications", "/webhooks/deliveries"]

    answers = {path: (await client.get(path, headers=eve)).json() for path in lists}

    assert answers == {
        "/reports": {"reports": []},
        "/jobs": {"jobs": []},
        "/api/generation": {"generations": []},
        "/notifications": {"notifications": [], "unread": 0},
        "/webhooks/deliveries": {"deliveries": []},
    }


async def test_another_owners_notifications_cannot_be_acknowledged(client: Client, harness: ApiHarness) -> None:
    eve = await harness.authorization("eve")
    ids = [str(each.id) for each in harness.store.inboxes["ada"]]

    answer = await client.post("/notifications/ack", json={"ids": ids}, headers=eve)

    assert answer.json() == {"acknowledged": 0, "unread": 0}
    assert not any(each.acked for each in harness.store.inboxes["ada"])


async def test_each_owner_has_a_separate_endpoint_and_secret(client: Client, harness: ApiHarness) -> None:
    ada, eve = [await harness.authorization(owner) for owner in ("ada", "eve")]

    endpoints = [(await client.get("/webhooks/endpoint", headers=sent)).status_code for sent in (ada, eve)]
    secrets = [(await client.get("/webhooks/secret", headers=sent)).json()["secret"] for sent in (ada, eve)]

    assert endpoints == [200, 404]
    assert secrets[0] != secrets[1]
