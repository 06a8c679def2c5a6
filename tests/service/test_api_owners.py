"""What belongs to another owner is answered exactly as what never was, on every route, and after as much work."""

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
from aether.domain.webhook import Endpoint, Webhook
from tests.fake_webhooks import MemoryWebhooks
from tests.fakes import MemoryFiles, MemoryJobStore
from tests.service.api_harness import ApiHarness, finish_outline, finish_section, finished_step
from tests.service.resources import RESOURCES

Client = AsyncTestClient[Litestar]

NEVER_WAS = "99999999-9999-4999-8999-999999999999"
ADAS = {f"{number}aaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa": resource for number, resource in enumerate(RESOURCES)}
IMAGE = Image("image/png", 4, "0" * 64)
MADE = {
    Kind.REPORT: [finish_outline("I. Rise"), finish_section(0, "It rose. " * 5_000)],
    Kind.IMAGE: [Change(total=1, steps=(finished_step("image:0", 0, IMAGE),))],
}


@dataclass
class Counter:
    """What several stores are asked, together."""

    asked: int = 0


@dataclass
class CountedJobs(MemoryJobStore):
    counter: Counter = field(default_factory=Counter)

    async def _answer(self) -> None:
        self.counter.asked += 1
        await super()._answer()


@dataclass
class CountedWebhooks(MemoryWebhooks):
    counter: Counter = field(default_factory=Counter)

    async def _answer(self) -> None:
        self.counter.asked += 1
        await super()._answer()


@dataclass
class CountedFiles(MemoryFiles):
    counter: Counter = field(default_factory=Counter)

    async def _answer(self) -> None:
        self.counter.asked += 1
        await super()._answer()


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
async def harness(counter: Counter) -> ApiHarness:
    """One in which Ada has a job of each kind that has ended, with all that comes of it, and Eve has nothing."""
    webhooks = CountedWebhooks(counter=counter)
    harness = ApiHarness(CountedJobs(webhooks=webhooks, counter=counter), CountedFiles(counter=counter))
    webhooks.endpoints["ada"] = Endpoint(Webhook("https://example.com/hook"))
    for job_id, resource in ADAS.items():
        await harness.create_job(resource, job_id, owner="ada")
        await harness.process(job_id, *MADE.get(resource.kind, ()), Change(status=Status.COMPLETED))
        await harness.files.put(job_id, IMAGE.digest, b"\x89PNG")
    return harness


@pytest.fixture
async def client(harness: ApiHarness) -> AsyncIterator[Client]:
    async with harness.client() as client:
        yield client


def calls_about(job_id: str, delivery_id: str) -> list[tuple[str, str]]:
    """Every call that names something, with these names in it."""
    names = dict.fromkeys((each.api.id_name for each in RESOURCES), job_id) | {
        "deliveryId": delivery_id,
        "position": "0",
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


def shown(answer: httpx.Response, *names: str) -> tuple[int, bytes, dict[str, str]]:
    """What the caller sees, with "…" in the place of what it has named itself."""
    content = answer.content
    for name in names:
        content = content.replace(name.encode(), "…".encode())
    return answer.status_code, content, {**answer.headers} | {"x-request-id": "", "content-length": ""}


@pytest.mark.parametrize("job_id", ADAS, ids=map(repr, RESOURCES))
async def test_another_owners_are_as_unknown_as_what_never_was(
    client: Client, harness: ApiHarness, counter: Counter, job_id: str
) -> None:
    eve = await harness.authorization("eve", Scope.ADMIN)
    (delivery_id,) = (each.id for each in harness.store.webhooks.deliveries.values() if each.job_id == job_id)
    before = (dict(harness.store.jobs), dict(harness.store.webhooks.deliveries), list(harness.store.inboxes["ada"]))

    for theirs, never_was in zip(
        calls_about(job_id, delivery_id), calls_about(NEVER_WAS, f"{NEVER_WAS}-9"), strict=True
    ):
        answers, work = [], []
        for method, path in (theirs, never_was):
            counter.asked = 0
            answers.append(await client.request(method, path, headers=eve))
            work.append(counter.asked)

        assert shown(answers[0], delivery_id, job_id) == shown(answers[1], f"{NEVER_WAS}-9", NEVER_WAS), theirs
        assert work[0] == work[1], theirs
        assert answers[0].status_code == (200 if "?" in theirs[1] else 404), theirs
    assert before == (harness.store.jobs, harness.store.webhooks.deliveries, harness.store.inboxes["ada"])


async def test_the_owner_is_answered_on_each_of_these_routes(client: Client, harness: ApiHarness) -> None:
    """So that what is compared above is not unknown for another reason."""
    ada = await harness.authorization("ada", Scope.ADMIN)
    for job_id, resource in ADAS.items():
        (delivery_id,) = (each.id for each in harness.store.webhooks.deliveries.values() if each.job_id == job_id)
        # Erasing comes last.
        for method, path in sorted(calls_about(job_id, delivery_id), key=lambda call: call[0] == "DELETE"):
            about_it = resource.path in path or "/webhooks" in path
            answer = await client.request(method, path, headers=ada)
            assert (answer.status_code != 404) is about_it, (method, path, answer.text)
            if method == "DELETE" and about_it:
                break


async def test_lists_hold_nothing_of_another_owner(client: Client, harness: ApiHarness) -> None:
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


async def test_endpoints_and_secrets_are_each_owners_own(client: Client, harness: ApiHarness) -> None:
    ada, eve = [await harness.authorization(owner) for owner in ("ada", "eve")]

    endpoints = [(await client.get("/webhooks/endpoint", headers=sent)).status_code for sent in (ada, eve)]
    secrets = [(await client.get("/webhooks/secret", headers=sent)).json()["secret"] for sent in (ada, eve)]

    assert endpoints == [200, 404]
    assert secrets[0] != secrets[1]
