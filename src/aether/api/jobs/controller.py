"""A resource of jobs: watch, list, stop, try again and forget, the same for every kind."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import msgspec
import structlog
from litestar import Response, Router
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_201_CREATED,
    HTTP_202_ACCEPTED,
    HTTP_204_NO_CONTENT,
    HTTP_304_NOT_MODIFIED,
)

from aether.api.guards.authentication import caller_of
from aether.api.http.job_headers import ETAG, LOCATION, RETRY_AFTER, SOONEST_S, job_headers
from aether.api.http.long_poll import APPLIED, LongPoll, long_poll, wait_preference
from aether.api.http.pagination import Cursor, Limit
from aether.api.http.problems import AnyRequest
from aether.api.http.responses import JsonResponse
from aether.api.http.route_handler import delete, get, post
from aether.api.http.sse import MEDIA_TYPE
from aether.api.jobs.base_controller import BaseJobController
from aether.api.jobs.event_presenter import EventPresenter, EventVocabulary
from aether.api.jobs.event_stream import EventSubscription, event_subscription
from aether.api.jobs.examples import Examples
from aether.api.jobs.job_limits import Limited, limits_of
from aether.api.jobs.read_tokens import Lasting, life_of, with_token
from aether.api.jobs.response_cache import CachedResponse, ResponseCache
from aether.api.openapi.operations import BODY_ERRORS, described, problems
from aether.api.state import services_of
from aether.domain.access import Scope
from aether.domain.estimate import Estimate
from aether.domain.job import ENDED, Job
from aether.domain.listing import JobPage
from aether.domain.snapshot import Revision, Snapshot
from aether.errors import FieldError, IllegalMoveError, QueueFullError, TooManyJobsError, UnknownJobError
from aether.services.jobs import Jobs

IdT = TypeVar("IdT", bound=str)
StatusT = TypeVar("StatusT", bound=str)
RetryT = TypeVar("RetryT", bound=Limited)
TokenBodyT = TypeVar("TokenBodyT", bound=Lasting)
JobT = TypeVar("JobT")
PageT = TypeVar("PageT")
TokenT = TypeVar("TokenT")
AcceptedT = TypeVar("AcceptedT")

_Wanted = QueryParameter(description="Only jobs of this status.")


class JobController(BaseJobController, Generic[IdT, StatusT, RetryT, TokenBodyT, JobT, PageT, TokenT]):
    """What callers do with jobs of one kind, wherever it is mounted.

    Each kind has a subclass. Its type arguments are the job's id as a path parameter, the words for a status, the
    bodies of a retry and of a token request, and the shapes of a job, a page of jobs and a token. The subclass adds the
    handler that creates a job.
    """

    # As Litestar declares it.
    dependencies = {each.__name__: Provide(each, sync_to_thread=False) for each in (long_poll, event_subscription)}  # noqa: RUF012

    vocabulary: ClassVar[EventVocabulary]
    examples: ClassVar[Examples]
    types: ClassVar[Mapping[str, Any]]  # Any: types of every form
    """The type arguments, by the names of their variables."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        (base,) = cls.__orig_bases__  # type: ignore[attr-defined]  # as typing declares it for each subclass of a generic
        names = (each.__name__ for each in JobController.__parameters__)  # type: ignore[attr-defined]  # as above
        cls.types = dict(zip(names, get_args(base), strict=True))

    def __init__(self, owner: Router) -> None:
        super().__init__(owner)
        # Litestar puts these types in the place of the variables, though it declares names alone.
        variables = JobController.__parameters__  # type: ignore[attr-defined]  # as above
        self.signature_namespace = {each: self.types[each.__name__] for each in variables}

    @abstractmethod
    def view(self, job: Job, estimate: Estimate, url: str) -> JobT:
        """Show a job as it stands; `url` is where the caller finds it."""

    @abstractmethod
    def page(self, page: JobPage) -> PageT:
        """Show a page of jobs."""

    @get(
        summary="List your {noun}s",
        response_description="A page of jobs, the newest first.",
        responses=problems(FieldError),
    )
    async def list_jobs(
        self,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        status: Annotated[StatusT | None, _Wanted] = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[PageT]:
        """Jobs that come while you page shift nothing: each cursor goes on where its page ended."""
        wanted = frozenset(each for each, word in self.vocabulary.statuses.items() if status in (None, word))
        return Response(self.page(await jobs.list(self.resource.kind, owner, wanted, limit, cursor)))

    @get(
        "/{jobId:str}",
        summary="Watch a {noun}",
        response_description="The job as it stands.",
        response_headers=[ETAG, RETRY_AFTER, APPLIED],
        responses=problems(UnknownJobError, FieldError)
        | described(HTTP_304_NOT_MODIFIED, "Nothing has changed since the ETag you sent."),
    )
    async def get_job(self, job_id: IdT, request: AnyRequest, long_poll: NamedDependency[LongPoll]) -> Response[JobT]:
        """{meanwhile}

        `Prefer: wait=N` holds the answer until the job has ended; with `If-None-Match` or `after`, until it is at
        another version than you have; or until N seconds are over.
        """  # noqa: D415 - a whole sentence of the kind's
        services, url = services_of(request), self.url_of(request, job_id)
        look = partial(services.jobs.snapshot_if_changed, self.resource.kind, caller_of(request).owner, job_id)
        found = await services.cache.current(url, look)
        if isinstance(found, CachedResponse):
            return long_poll.answer(found.revision.version, found.headers, lambda: found.content)
        snapshot = await long_poll.held(found)
        headers = job_headers(snapshot.job, snapshot.estimate)
        return long_poll.answer(snapshot.job.version, headers, lambda: self._encoded(snapshot, url, services.cache))

    @get(
        "/{jobId:str}/events",
        summary="Follow a {noun}",
        media_type=MEDIA_TYPE,
        response_description="Events until the job has ended.",
        responses=problems(UnknownJobError, FieldError)
        | described(HTTP_204_NO_CONTENT, "The job has ended, and you know all."),
    )
    async def stream_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        event_subscription: NamedDependency[EventSubscription],
    ) -> Response[None]:
        """First a `snapshot`, the job as GET shows it, then each change, then the end, named as the job's last status.

        The `id` of an event is the job's version. Behind a cursor, `Last-Event-ID` or else `after`, exactly the changes
        come that followed it, without a snapshot; where they cannot be told, `gap` and a new snapshot. A connection
        that is cut, or ended by a server that stops, is resumed so at any other. A comment is sent at least every
        15 seconds.
        """
        job = await jobs.get(self.resource.kind, owner, job_id)
        if event_subscription.has_all(job):
            return Response(None, status_code=HTTP_204_NO_CONTENT)
        presenter = EventPresenter(self.vocabulary, partial(self._shown, request, jobs), self.url_of(request, job_id))
        return await event_subscription.follow(job, presenter)

    @post(
        "/{jobId:str}/cancel",
        status_code=HTTP_200_OK,
        summary="Stop a {noun}",
        response_description="The job, cancelled.",
        response_headers=[ETAG],
        responses=problems(UnknownJobError, IllegalMoveError),
    )
    async def cancel_job(
        self, job_id: IdT, request: AnyRequest, jobs: NamedDependency[Jobs], owner: NamedDependency[str]
    ) -> Response[JobT]:
        """What is finished is kept; cancelling again changes nothing."""
        return self._answer(request, await jobs.cancel(self.resource.kind, owner, job_id))

    @post(
        "/{jobId:str}/retry",
        status_code=HTTP_202_ACCEPTED,
        summary="Go on with a failed or cancelled {noun}",
        response_description="The job, queued again.",
        response_headers=[LOCATION, ETAG, RETRY_AFTER],
        responses=problems(UnknownJobError, IllegalMoveError, *BODY_ERRORS, TooManyJobsError, QueueFullError),
    )
    async def retry_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        data: JSONBody[RetryT | None] = None,
    ) -> Response[JobT]:
        """Finished steps are kept: only what is missing is made. The body, if any, sets new limits."""
        most = caller_of(request).quota.jobs
        answer = self._answer(request, await jobs.retry(self.resource.kind, owner, job_id, limits_of(data), most))
        answer.headers["Location"] = self.path_of(request, job_id)
        return answer

    @post(
        "/{jobId:str}/token",
        status_code=HTTP_201_CREATED,
        summary="Let a browser read a {noun}",
        response_description="A token that reads this job and does nothing else.",
        responses=problems(UnknownJobError, *BODY_ERRORS),
        # Whoever may read can pass on all that they read; a token spares them the copying, and ends.
        opt={"scope": Scope.READ},
    )
    async def create_job_token(
        self, job_id: IdT, request: AnyRequest, data: JSONBody[TokenBodyT | None] = None
    ) -> Response[TokenT]:
        """For whoever must not have a key, or can send no headers, as an `EventSource`.

        It reads what is at the job's address and below it, as `Authorization: Bearer` or as `access_token` in the
        query, until it ends; a stream that is open by then goes on. Of a job's tokens the last 20 to end are good.
        """
        tokens = services_of(request).read_tokens
        token = await tokens.issue(self.resource.kind, job_id, caller_of(request), life_of(data))
        text = token.text.reveal()
        shown = self.types["TokenT"](text, token.expires_at, with_token(self.url_of(request, job_id, "/events"), text))
        return Response(shown)

    @delete(
        "/{jobId:str}",
        summary="Forget a {noun}",
        response_description="Everything about the job is gone.",
        responses=problems(UnknownJobError),
    )
    async def delete_job(self, job_id: IdT, jobs: NamedDependency[Jobs], owner: NamedDependency[str]) -> None:
        """A job that is still running is cancelled first."""
        await jobs.erase(self.resource.kind, owner, job_id)

    async def accepted(self, request: AnyRequest, job_id: str, prefer: str, body: AcceptedT) -> Response[AcceptedT]:
        """Answer for a new job: with this body, or with the job itself if the caller would wait for its end."""
        structlog.contextvars.bind_contextvars(job_id=job_id)
        wait = wait_preference(request, prefer)
        headers = {"Location": self.path_of(request, job_id)} | wait.headers
        ended = await wait.end_of(self.resource.kind, caller_of(request).owner, job_id)
        if ended is None:
            return JsonResponse(body, headers=headers | {"Retry-After": str(SOONEST_S)})
        shown = self.view(ended, Estimate(), self.url_of(request, job_id))
        headers |= job_headers(ended, Estimate())
        return Response(shown, status_code=HTTP_200_OK, headers=headers)  # type: ignore[arg-type]  # as `ended_at_once` says

    def _encoded(self, snapshot: Snapshot, url: str, cache: ResponseCache) -> bytes:
        """Show a job in bytes, which are kept where they will be the same next time."""
        job, estimate = snapshot.job, snapshot.estimate
        content = msgspec.json.encode(self.view(job, estimate, url))
        if job.status in ENDED:
            cache.keep(url, CachedResponse(Revision.of(job), job_headers(job, estimate), content))
        return content

    def _answer(self, request: AnyRequest, snapshot: Snapshot) -> Response[JobT]:
        job, estimate = snapshot.job, snapshot.estimate
        shown = self.view(job, estimate, self.url_of(request, job.id))
        return Response(shown, headers=job_headers(job, estimate))

    async def _shown(self, request: AnyRequest, jobs: Jobs, job: Job) -> JobT:
        return self.view(job, await jobs.estimate(job), self.url_of(request, job.id))
