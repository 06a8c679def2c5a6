"""A resource of jobs: watch, list, stop, try again and forget, the same for every kind."""

import re
from abc import abstractmethod
from functools import partial
from inspect import cleandoc
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import structlog
from litestar import Controller, Response, Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT, HTTP_304_NOT_MODIFIED

from aether.api.declaring import described, operation_id, problems
from aether.api.headers import ETAG, LOCATION, RETRY_AFTER, SOONEST_S, headers_of
from aether.api.limits import Limited, limits_of
from aether.api.paging import Cursor, Limit
from aether.api.problems import AnyRequest
from aether.api.sse import MEDIA_TYPE
from aether.api.streams import Follower, follower
from aether.api.telling import Teller, Telling
from aether.api.waiting import APPLIED, Patience, Poll, patience, poll
from aether.domain.job import Job, Kind
from aether.domain.listing import Page
from aether.domain.pace import Outlook
from aether.engine.jobs import Jobs
from aether.errors import UnknownJobError

_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

IdT = TypeVar("IdT", bound=str)
StatusT = TypeVar("StatusT", bound=str)
RetryT = TypeVar("RetryT", bound=Limited)
JobT = TypeVar("JobT")
PageT = TypeVar("PageT")
AcceptedT = TypeVar("AcceptedT")

_Wanted = QueryParameter(description="Only jobs of this status.")


async def _heed_job_id(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Name the job in every line of the log; an id of another form than ours is unknown without a look."""
    for job_id in list(connection.path_params.values())[:1]:
        if not _JOB_ID.fullmatch(job_id):
            raise UnknownJobError(job_id)
        structlog.contextvars.bind_contextvars(job_id=job_id)


class Resource(Controller, Generic[IdT, StatusT, RetryT, JobT, PageT]):
    """What callers do with jobs of one kind, wherever it is mounted.

    A kind is a subclass. Its type arguments are the job's id as a path parameter, its words for a status, the body of a
    retry, a job and a page of jobs as the wire shows them; it adds how a job is asked for. `{noun}`, `{meanwhile}` and
    `{jobId}` stand in what follows for the words of the kind.
    """

    guards = (_heed_job_id,)
    # As Litestar declares it.
    dependencies = {each.__name__: Provide(each, sync_to_thread=False) for each in (patience, poll, follower)}  # noqa: RUF012

    kind: ClassVar[Kind]
    noun: ClassVar[str]
    meanwhile: ClassVar[str]
    id_name: ClassVar[str]
    telling: ClassVar[Telling]
    ending: ClassVar[str] = ""

    def __init__(self, owner: Router) -> None:
        super().__init__(owner)
        (base,) = type(self).__orig_bases__  # type: ignore[attr-defined]  # as typing has it for every generic's heir
        # Litestar puts these types in the place of the variables, though it declares names alone.
        self.signature_namespace = dict(zip(Resource.__parameters__, get_args(base), strict=True))  # type: ignore[attr-defined]

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers, each in the words of the kind."""
        handlers = super().get_route_handlers()
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                self._name(handler)
        return handlers

    def _name(self, handler: HTTPRouteHandler) -> None:
        words = {"noun": self.noun, "meanwhile": self.meanwhile}
        handler.paths = {path.replace("{jobId:", f"{{{self.id_name}:") for path in handler.paths}
        handler.operation_id = operation_id(handler).replace("Job", self.noun.capitalize())
        handler.summary = str(handler.summary).format(**words)
        handler.description = cleandoc(str(handler.fn.__doc__)).format(**words)

    @abstractmethod
    def view(self, job: Job, outlook: Outlook, url: str) -> JobT:
        """Show a job as it stands; `url` is where the caller finds it."""

    @abstractmethod
    def page(self, page: Page) -> PageT:
        """Show a page of jobs."""

    @get(
        summary="List your {noun}s",
        response_description="A page of jobs, the newest first.",
        responses=problems(422, 503),
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
        wanted = frozenset(each for each, word in self.telling.statuses.items() if status in (None, word))
        return Response(self.page(await jobs.list(self.kind, owner, wanted, limit, cursor)))

    @get(
        "/{jobId:str}",
        summary="Watch a {noun}",
        response_description="The job as it stands.",
        response_headers=[ETAG, RETRY_AFTER, APPLIED],
        responses=problems(404, 422, 503)
        | described(HTTP_304_NOT_MODIFIED, "Nothing has changed since the ETag you sent."),
    )
    async def get_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        poll: NamedDependency[Poll],
    ) -> Response[JobT]:
        """{meanwhile}

        `Prefer: wait=N` holds the answer until the job has ended; with `If-None-Match` or `after`, until it is at
        another version than you have; or until N seconds are over.
        """  # noqa: D415 - a whole sentence of the kind's
        job = await poll.held(await jobs.get(self.kind, owner, job_id))
        headers = poll.patience.headers
        if poll.has(job):
            headers |= headers_of(job, await jobs.outlook(job))
            return Response(None, status_code=HTTP_304_NOT_MODIFIED, headers=headers)  # type: ignore[arg-type]
        answer = await self._answer(request, jobs, job)
        answer.headers |= headers
        return answer

    @get(
        "/{jobId:str}/events",
        summary="Follow a {noun}",
        media_type=MEDIA_TYPE,
        response_description="Events until the job has ended.",
        responses=problems(404, 422, 503) | described(HTTP_204_NO_CONTENT, "The job has ended, and you know all."),
    )
    async def stream_job(
        self,
        job_id: IdT,
        request: AnyRequest,
        jobs: NamedDependency[Jobs],
        owner: NamedDependency[str],
        follower: NamedDependency[Follower],
    ) -> Response[None]:
        """First a `snapshot`, the job as GET shows it, then each change, then the end, named as the job's last status.

        The `id` of an event is the job's version. Behind a cursor, `Last-Event-ID` or else `after`, exactly the changes
        come that followed it, without a snapshot; where they cannot be told, `gap` and a new snapshot. A connection
        that is cut, or ended by a server that stops, is resumed so at any other. A comment is sent at least every
        15 seconds.
        """
        job = await jobs.get(self.kind, owner, job_id)
        if follower.has_all(job):
            return Response(None, status_code=HTTP_204_NO_CONTENT)
        teller = Teller(self.telling, partial(self._shown, request, jobs), self._url_of(request, job_id))
        return await follower.follow(job, teller)

    @post(
        "/{jobId:str}/cancel",
        status_code=HTTP_200_OK,
        summary="Stop a {noun}",
        response_description="The job, cancelled.",
        response_headers=[ETAG],
        responses=problems(404, 409, 503),
    )
    async def cancel_job(
        self, job_id: IdT, request: AnyRequest, jobs: NamedDependency[Jobs], owner: NamedDependency[str]
    ) -> Response[JobT]:
        """What is finished is kept; cancelling again changes nothing."""
        return await self._answer(request, jobs, await jobs.cancel(self.kind, owner, job_id))

    @post(
        "/{jobId:str}/retry",
        status_code=HTTP_202_ACCEPTED,
        summary="Go on with a failed or cancelled {noun}",
        response_description="The job, queued again.",
        response_headers=[LOCATION, ETAG, RETRY_AFTER],
        responses=problems(400, 404, 409, 413, 415, 422, 503),
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
        answer = await self._answer(request, jobs, await jobs.retry(self.kind, owner, job_id, limits_of(data)))
        answer.headers["Location"] = self._path_of(request, job_id)
        return answer

    @delete(
        "/{jobId:str}",
        summary="Forget a {noun}",
        response_description="Everything about the job is gone.",
        responses=problems(404, 503),
    )
    async def delete_job(self, job_id: IdT, jobs: NamedDependency[Jobs], owner: NamedDependency[str]) -> None:
        """A job that is still running is cancelled first."""
        await jobs.erase(self.kind, owner, job_id)

    async def accepted(
        self, request: AnyRequest, owner: str, job_id: str, patience: Patience, body: AcceptedT
    ) -> Response[AcceptedT]:
        """Answer for a new job: with this body, or with the job itself if the caller would wait for its end."""
        structlog.contextvars.bind_contextvars(job_id=job_id)
        headers = {"Location": self._path_of(request, job_id)} | patience.headers
        ended = await patience.end_of(self.kind, owner, job_id)
        if ended is None:
            return Response(body, headers=headers | {"Retry-After": str(SOONEST_S)})
        shown = self.view(ended, Outlook(), self._url_of(request, job_id))
        headers |= headers_of(ended, Outlook())
        return Response(shown, status_code=HTTP_200_OK, headers=headers)  # type: ignore[arg-type]  # as `ended_at_once` says

    async def _answer(self, request: AnyRequest, jobs: Jobs, job: Job) -> Response[JobT]:
        outlook = await jobs.outlook(job)
        shown = self.view(job, outlook, self._url_of(request, job.id))
        return Response(shown, headers=headers_of(job, outlook))

    async def _shown(self, request: AnyRequest, jobs: Jobs, job: Job) -> JobT:
        return self.view(job, await jobs.outlook(job), self._url_of(request, job.id))

    def _url_of(self, request: AnyRequest, job_id: str) -> str:
        # Whole, so that it can be used as it stands; a proxy in front has to pass the caller's Host on.
        return f"{request.url.scheme}://{request.url.netloc}{self._path_of(request, job_id)}"

    def _path_of(self, request: AnyRequest, job_id: str) -> str:
        """Return the job's path under the prefix by which the caller came."""
        prefix, _, _ = request.scope["path"].partition(self.path)
        return f"{request.scope.get('root_path', '')}{prefix}{self.path}/{job_id}{self.ending}"
