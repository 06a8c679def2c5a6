"""API harness: the API over stores in memory, without a worker."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

import httpx
import msgspec
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.api.jobs.response_cache import ResponseCache
from aether.api.state import ApiServices, Readiness
from aether.app import create_app
from aether.bootstrap.templates import built_in_templates
from aether.domain.access import Scope
from aether.domain.job import Change, Kind, Problem, Status, Step, StepStatus
from aether.domain.report import Outline, OutlineItem, Section
from aether.durable.clock import SystemClock
from aether.durable.ports import NewJob
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys
from aether.identity.authenticator import Authenticator, TokenVerifier
from aether.identity.read_tokens import ReadTokens
from aether.outbound.ssrf_policy import SsrfPolicy
from aether.services.inbox import Inbox
from aether.services.jobs import Jobs
from aether.services.templates import Templates
from aether.services.webhooks import Webhooks
from aether.settings import Settings
from aether.webhooks.signing import new_secret
from tests.fake_hub import MemoryHub
from tests.fake_keys import MemoryKeys
from tests.fake_rates import MemoryRateLimiter
from tests.fake_read_tokens import MemoryReadTokens
from tests.fake_renderer import InlineRenderer
from tests.fake_templates import MemoryTemplates
from tests.fakes import MemoryFiles, MemoryInbox, MemoryJobStore
from tests.service.resources import REPORTS, UNKNOWN, Resource

MAX_BODY = Settings().max_body
"""How many bytes a body may have unless AETHER_MAX_BODY is set."""


@cache
def _app(
    max_body: int,
    image_model: str | None,
    rate_limit: str | None = None,
    cors_origins: str | None = None,
    public_url: str | None = None,
) -> tuple[Litestar, list[ApiServices]]:
    """Build an API once for all tests with these settings; it starts with the services in the returned list."""
    services: list[ApiServices] = []

    @asynccontextmanager
    async def open_services() -> AsyncIterator[ApiServices]:
        yield services[0]

    settings = Settings(
        max_body=max_body,
        image_model=image_model,
        rate_limit=rate_limit,
        cors_origins=cors_origins,
        public_url=public_url,
    )
    return create_app(settings, open_services), services


@dataclass
class ApiHarness:
    """The API with its stores, which tests read and change."""

    store: MemoryJobStore = field(default_factory=MemoryJobStore)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    limiter: MemoryRateLimiter = field(default_factory=MemoryRateLimiter)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    templates: MemoryTemplates = field(default_factory=MemoryTemplates)
    identities: TokenVerifier | None = None
    allow_anonymous: bool = True
    readiness: Readiness = field(default_factory=Readiness)
    max_jobs: int | None = None

    def __post_init__(self) -> None:
        self.hub = MemoryHub(self.store)
        self.tokens = MemoryReadTokens(self.store)

    def client(
        self,
        max_body: int = MAX_BODY,
        image_model: str | None = "painter",
        rate_limit: str | None = None,
        cors_origins: str | None = None,
        public_url: str | None = None,
    ) -> AbstractAsyncContextManager[AsyncTestClient[Litestar]]:
        """Start the API and return a client."""
        app, services = _app(max_body, image_model, rate_limit, cors_origins, public_url)
        services[:] = [self.services]
        return AsyncTestClient(app, raise_server_exceptions=False)

    def local_app(self) -> Litestar:
        """Return the API for calls in the event loop of the test, which can wake waiting requests.

        Clients run the API in another thread.
        """
        app, _ = _app(MAX_BODY, "painter")
        app.state.services, app.state.response_cache = self.services, ResponseCache()
        return app

    @property
    def services(self) -> ApiServices:
        """The services of the API."""
        jobs = Jobs(self.store, self.files, self.max_jobs)
        return ApiServices(
            jobs,
            self.hub,
            self._check_readiness,
            self.notifications,
            self.webhooks,
            self.limiter,
            self.authenticator,
            self.read_tokens,
            Templates(self.templates, built_in_templates()),
            InlineRenderer(),
            "gpt-4.1-mini",
        )

    @property
    def authenticator(self) -> Authenticator:
        """The authenticator over `keys`, `identities` and `tokens`."""
        keys = ApiKeyCache(self.keys, SystemClock())
        return Authenticator(keys, self.identities, read_tokens=self.read_tokens, allow_anonymous=self.allow_anonymous)

    @property
    def read_tokens(self) -> ReadTokens:
        """The service for read tokens."""
        return ReadTokens(self.tokens)

    @property
    def notifications(self) -> Inbox:
        """The inbox service over the notifications in the store."""
        return Inbox(MemoryInbox(self.store), self.hub)

    @property
    def webhooks(self) -> Webhooks:
        """The webhook service over the deliveries in the store."""
        return Webhooks(self.store.webhooks, SsrfPolicy(["localhost"]).check_url, new_secret, timedelta(days=1))

    async def _check_readiness(self) -> Readiness:
        return self.readiness

    async def authorization(self, owner: str, *scopes: Scope) -> dict[str, str]:
        """Create a key and return the `Authorization` header with it."""
        _, secret = await ApiKeys(self.keys, SystemClock()).create(owner, scopes=scopes or (Scope.ADMIN,))
        return {"Authorization": f"Bearer {secret.reveal()}"}

    async def create_report(
        self, job_id: str = UNKNOWN, *, owner: str = "local", request: bytes = REPORTS.request
    ) -> str:
        """Store a pending report."""
        await self.store.create(NewJob(job_id, Kind.REPORT, owner, request, ("outline",)))
        return job_id

    async def create_job(self, resource: Resource, job_id: str = UNKNOWN, *, owner: str = "local") -> str:
        """Store a pending job of any kind."""
        await self.store.create(NewJob(job_id, resource.kind, owner, resource.request))
        return job_id

    async def process(self, job_id: str, *changes: Change) -> None:
        """Start the job and commit these changes, as a worker does."""
        job = await self.store.begin(job_id)
        assert job is not None
        version = job.version
        for change in changes:
            version, _ = await self.store.commit(job_id, job.epoch, version, change)


def finish_outline(*titles: str) -> Change:
    """Return the change that finishes the outline step, with these titles."""
    outline = Outline(tuple(map(OutlineItem, titles)))
    steps = (finished_step("outline", 0, outline), *(Step(f"section:{at}", at + 1) for at in range(len(titles))))
    return Change(total=1 + len(titles), steps=steps)


def finish_section(position: int, text: str) -> Change:
    """Return the change that finishes a section step, with this text."""
    return Change(steps=(finished_step(f"section:{position}", position + 1, Section(text)),))


def finished_step(name: str, order: int, result: object) -> Step:
    """Return a finished step."""
    return Step(name, order, StepStatus.DONE, attempts=1, result=msgspec.Raw(msgspec.json.encode(result)))


def fail(problem: Problem) -> Change:
    """Return the change that fails the job."""
    return Change(status=Status.FAILED, problem=problem)


def assert_field_error(response: httpx.Response, instance: str, field: str, rule: str) -> None:
    """Assert that the response is exactly the problem of a field that breaks this rule."""
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert msgspec.json.decode(response.content) == {
        "type": "urn:aether:problem:invalid-field",
        "title": "A field breaks a rule",
        "status": 422,
        "detail": f"{field}: {rule}",
        "instance": instance,
        "errors": [{"field": field, "rule": rule}],
    }
