"""Job controller: the operations that all kinds of job share: list, get, stream, cancel, retry, delete, read tokens."""

from abc import abstractmethod
from functools import partial
from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec
import structlog
from litestar import Response
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
from aether.api.http.etag import IfNoneMatch
from aether.api.http.pagination import Cursor, Limit
from aether.api.http.prefer import PREFERENCE_APPLIED, Prefer
from aether.api.http.problems import AnyRequest
from aether.api.http.responses import JsonResponse, no_body
from aether.api.http.route_handler import delete, get, post
from aether.api.http.sse import MEDIA_TYPE
from aether.api.jobs.base_controller import BaseJobController
from aether.api.jobs.event_presenter import EventPresenter, EventVocabulary
from aether.api.jobs.event_stream import EventSubscription, event_subscription
from aether.api.jobs.fields import NoFields
from aether.api.jobs.job_headers import ETAG, LOCATION, MIN_RETRY_AFTER_S, RETRY_AFTER, job_headers
from aether.api.jobs.job_limits import limits_of
from aether.api.jobs.long_poll import KnownVersion, LongPoll, wait_preference
from aether.api.jobs.read_tokens import lifetime_of, url_with_token
from aether.api.jobs.response_cache import CachedResponse, response_cache_of
from aether.api.jobs.type_variables import IdT, JobT, PageT, RetryT, StatusT, TokenBodyT, TokenT
from aether.api.openapi.operations import BODY_ERRORS, problems
from aether.api.state import services_of
from aether.domain.access import Scope
from aether.domain.estimate import Estimate
from aether.domain.job import Job
from aether.domain.listing import JobPage
from aether.domain.snapshot import Snapshot
from aether.errors import FieldError, IllegalMoveError, QueueFullError, TooManyJobsError, UnknownJobError
from aether.services.jobs import Jobs

AcceptedT = TypeVar("AcceptedT")

_StatusFilter = QueryParameter(description="Only jobs with this status.")


class JobController(BaseJobController, Generic[IdT, StatusT, RetryT, TokenBodyT, JobT, PageT, TokenT]):
    """The operations on jobs of one kind.

    Each kind has a subclass, which adds the handler that creates a job. Its type arguments are the path parameter with
    the job's id, the words for statuses, the bodies of retry and token requests, and the schemas of a job, a page of
    jobs and a token.
    """

    # Litestar declares it as an instance variable.
    dependencies = {"event_subscription": Provide(event_subscription, sync_to_thread=False)}  # noqa: RUF012

    vocabulary: ClassVar[EventVocabulary]

    @abstractmethod
    def show_job(self, job: Job, estimate: Estimate, url: str) -> JobT:
        """Return a job as the wire shows it; `url` is its URL for the caller."""

    def show_estimate(self, estimate: Estimate) -> msgspec.Struct:  # noqa: ARG002 - for kinds that show none
        """Return the fields that `show_job` takes from the estimate, which must be the last ones of a job."""
        return NoFields()

    @abstractmethod
    def show_page(self, page: JobPage) -> PageT:
        """Return a page of jobs as the wire shows it."""

    @get(
        summary="List your {plural}",
        response_description="A page of jobs, newest first.",
        responses=problems(FieldError),
    )
    async def list_jobs(
        self,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        status: Annotated[StatusT | None, _StatusFilter] = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response[PageT]:
        """New jobs do not shift the pages: each page starts where the previous one ended."""
        statuses = frozenset(each for each, word in self.vocabulary.statuses.items() if status in (None, word))
        return Response(self.show_page(await jobs.list(self.resource.kind, owner, statuses, limit, cursor)))

    @get(
        "/{jobId:str}",
        summary="Watch a {noun}",
        response_description="The job.",
        response_headers=[ETAG, RETRY_AFTER, PREFERENCE_APPLIED],
        responses=problems(UnknownJobError, FieldError)
        | no_body(HTTP_304_NOT_MODIFIED, "The job has not changed since the ETag you sent."),
    )
    async def get_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        prefer: Prefer = "",
        if_none_match: IfNoneMatch = "",
        after: KnownVersion = None,
    ) -> Response[JobT]:
        """{progress_note}

        With `Prefer: wait=N`, the answer is held for up to N seconds, until the job has ended. With `If-None-Match` or
        `after` as well, it is held only until the job has another version than the one you have.
        """  # noqa: D415 - the note is a whole sentence
        if document := await self.represent(request, job_id):
            return document
        # Not a dependency: Litestar would take 5 % longer for the whole request.
        poll = LongPoll(wait_preference(request, prefer), if_none_match, after, self.varies_by)
        jobs, cache, url = services_of(request).jobs, response_cache_of(request), self.url_of(request, job_id)
        load = partial(jobs.snapshot_if_changed, self.resource.kind, caller_of(request).owner, job_id)
        found = await cache.get_or_load(url, load)
        if isinstance(found, CachedResponse):
            return poll.respond(found.revision.version, found.headers, lambda: found.content)
        snapshot = await poll.wait(found)
        headers = job_headers(snapshot.job, snapshot.estimate)
        return poll.respond(snapshot.job.version, headers, lambda: cache.encode(snapshot, url, self))

    @get(
        "/{jobId:str}/events",
        summary="Follow a {noun}",
        media_type=MEDIA_TYPE,
        response_description="Events, until the job has ended.",
        responses=problems(UnknownJobError, FieldError)
        | no_body(HTTP_204_NO_CONTENT, "The job has ended, and you have received all of its events."),
    )
    async def stream_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        event_subscription: NamedDependency[EventSubscription],
    ) -> Response[None]:
        """The first event is `snapshot`, the job as GET shows it; each change to the job is another event.

        The last event is named after the job's final status. The `id` of an event is the job's version. With
        `Last-Event-ID`, or else `after`, the stream has no snapshot and continues after that version. If changes after
        it are lost, there is a `gap` event, then a new snapshot. Resume in this way when the connection was lost or the
        server stopped; any server continues the stream. A comment is sent at least every 15 seconds.
        """
        url = self.url_of(request, job_id)
        presenter = EventPresenter(self.vocabulary, lambda now: self.show_job(now.job, now.estimate, url), url)
        load = partial(jobs.snapshot, self.resource.kind, owner, job_id)
        return await event_subscription.respond(job_id, load, presenter)

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
        """Finished steps are kept. Cancelling a job again changes nothing."""
        return self._respond(request, await jobs.cancel(self.resource.kind, owner, job_id))

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
        """Finished steps are kept; only the others are made. The body, if any, sets new limits."""
        max_jobs = caller_of(request).quota.jobs
        snapshot = await jobs.retry(self.resource.kind, owner, job_id, limits_of(data), max_jobs)
        response = self._respond(request, snapshot)
        response.headers["Location"] = self.path_of(request, job_id)
        return response

    @post(
        "/{jobId:str}/token",
        status_code=HTTP_201_CREATED,
        summary="Let a browser read a {noun}",
        response_description="A token that can only read this job.",
        responses=problems(UnknownJobError, *BODY_ERRORS),
        # A caller who may read the job could pass on its content anyway; a token does that for a limited time.
        opt={"scope": Scope.READ},
    )
    async def create_job_token(
        self, job_id: IdT, request: AnyRequest, data: JSONBody[TokenBodyT | None] = None
    ) -> Response[TokenT]:
        """For clients that must not have a key, or cannot send headers, such as `EventSource`.

        The token reads the job and everything below its path, as `Authorization: Bearer` or as `access_token` in the
        query, until it expires; a stream that is open then continues. A job has at most 20 valid tokens, those that
        expire last.
        """
        tokens = services_of(request).read_tokens
        token = await tokens.issue(self.resource.kind, job_id, caller_of(request), lifetime_of(data))
        text = token.text.reveal()
        url = url_with_token(self.url_of(request, job_id, "/events"), text)
        return Response(self.types["TokenT"](text, token.expires_at, url))

    @delete(
        "/{jobId:str}",
        summary="Forget a {noun}",
        response_description="The job and all of its data are deleted.",
        responses=problems(UnknownJobError, has_body=False),
    )
    async def delete_job(self, job_id: IdT, jobs: NamedDependency[Jobs], owner: NamedDependency[str]) -> None:
        """A job that is still running is cancelled first."""
        await jobs.erase(self.resource.kind, owner, job_id)

    async def respond_created(
        self, request: AnyRequest, job_id: str, prefer: str, accepted: AcceptedT
    ) -> Response[AcceptedT]:
        """Return the response for a new job: `accepted`, or the job if it ended while the caller waited."""
        structlog.contextvars.bind_contextvars(job_id=job_id)
        wait = wait_preference(request, prefer)
        headers = {"Location": self.path_of(request, job_id)} | wait.headers
        ended = await wait.end_of(self.resource.kind, caller_of(request).owner, job_id)
        if ended is None:
            return JsonResponse(accepted, headers=headers | {"Retry-After": str(MIN_RETRY_AFTER_S)})
        job = self.show_job(ended, Estimate(), self.url_of(request, job_id))
        headers |= job_headers(ended, Estimate())
        return Response(job, status_code=HTTP_200_OK, headers=headers)  # type: ignore[arg-type]  # see `ended_job`

    def _respond(self, request: AnyRequest, snapshot: Snapshot) -> Response[JobT]:
        content = self.show_job(snapshot.job, snapshot.estimate, self.url_of(request, snapshot.job.id))
        return Response(content, headers=job_headers(snapshot.job, snapshot.estimate))
