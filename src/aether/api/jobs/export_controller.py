"""Export controller: the operations of kinds of job whose results are documents."""

from abc import abstractmethod
from typing import Any, ClassVar, Generic

from litestar import Response
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from typing_extensions import override

from aether.api.guards.authentication import caller_of
from aether.api.http.accept import MEDIA_TYPES, accept_header, accepts, check_media_type, preferred
from aether.api.http.byte_ranges import UnsatisfiableRangeError
from aether.api.http.file_response import BINARY, FILE_RESPONSES, FileConditions, file_conditions
from aether.api.http.problems import AnyRequest
from aether.api.http.route_handler import get
from aether.api.jobs.controller import JobController
from aether.api.jobs.exports import EXPORT_HEADERS, Export, NotCompletedError, Partial
from aether.api.jobs.type_variables import FormatT, IdT, JobT, PageT, RetryT, StatusT, TokenBodyT, TokenT
from aether.api.openapi.operations import problems
from aether.api.state import services_of
from aether.documents.errors import DocumentTooLargeError, MissingExtraError, MissingFontError, RenderingBusyError
from aether.documents.formats import FORMATS, Format, FormatName
from aether.documents.manuscript import Manuscript
from aether.domain.job import LIVE, Job, Status
from aether.errors import FieldError, UnknownJobError

_JSON = "application/json"
_MEANS_JSON = {"", "*/*", _JSON}
_OWN_MEDIA_TYPES = {"export_job": BINARY, "get_job": _JSON}
_ERRORS = (
    *(UnknownJobError, FieldError, NotCompletedError, UnsatisfiableRangeError),
    *(MissingExtraError, MissingFontError, DocumentTooLargeError, RenderingBusyError),
)


class ExportController(
    JobController[IdT, StatusT, RetryT, TokenBodyT, JobT, PageT, TokenT],
    Generic[IdT, StatusT, RetryT, TokenBodyT, JobT, PageT, TokenT, FormatT],
):
    """The operations on jobs of one kind, and its documents in the formats that `FormatT` names."""

    formats: ClassVar[tuple[FormatName, ...]]
    varies_by = "Prefer, Accept"

    @abstractmethod
    def manuscript_of(self, job: Job, model: str) -> Manuscript:
        """Return what the job has written so far; `model` is the server's own."""

    @get(
        "/{jobId:str}/export/{format:str}",
        summary="Export a {noun}",
        media_type=BINARY,
        response_description="The file.",
        response_headers=EXPORT_HEADERS,
        responses=problems(*_ERRORS) | FILE_RESPONSES,
        dependencies={"file_conditions": Provide(file_conditions, sync_to_thread=False)},
    )
    async def export_job(
        self,
        job_id: IdT,
        document_format: FormatT,
        request: AnyRequest,
        file_conditions: NamedDependency[FileConditions],
        partial: Partial = False,  # noqa: FBT002 - a query parameter
    ) -> Response[bytes]:
        """The {noun} as one file to keep, print or send; nothing in its text is executed.

        A GET of the {noun} itself with `Accept: application/pdf`, or with another of these media types, returns the
        same file, for a browser to show.
        """
        wanted = FORMATS[document_format]
        check_media_type(request.headers.get("Accept", ""), (wanted.media_type, BINARY))
        wanted.check_installed()
        job = await services_of(request).jobs.get(self.resource.kind, caller_of(request).owner, job_id)
        return await self._export(request, job, wanted, partial=partial).respond(
            services_of(request).renderer, file_conditions
        )

    @override
    async def represent(self, request: AnyRequest, job_id: str) -> Response[Any] | None:
        """Return the job as a document if the `Accept` header prefers one to JSON, and the job is complete."""
        accept = accept_header(request.scope)
        if accept in _MEANS_JSON:
            return None
        media_types = {FORMATS[name].media_type: FORMATS[name] for name in self.formats}
        wanted = media_types.get(preferred(accept, (_JSON, *media_types)))
        if wanted is None or wanted.media_type == _JSON:
            return None
        wanted.check_installed()
        job = await services_of(request).jobs.get(self.resource.kind, caller_of(request).owner, job_id)
        if job.status is not Status.COMPLETED and accepts(accept, (_JSON,)):
            return None
        headers = request.headers
        conditions = FileConditions(*(headers.get(name, "") for name in ("If-None-Match", "Range", "If-Range")))
        export = self._export(request, job, wanted, partial=False)
        return await Export(export.manuscript, wanted, "inline").respond(services_of(request).renderer, conditions)

    def _export(self, request: AnyRequest, job: Job, wanted: Format, *, partial: bool) -> Export:
        if job.status is not Status.COMPLETED and not partial:
            raise NotCompletedError(is_live=job.status in LIVE)
        return Export(self.manuscript_of(job, services_of(request).model), wanted)

    @override
    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers; those that serve documents say so to the guard of the `Accept` header."""
        handlers = super().get_route_handlers()
        served = tuple(FORMATS[name].media_type for name in self.formats)
        for handler in handlers:
            if own := _OWN_MEDIA_TYPES.get(handler.handler_name):
                handler.opt[MEDIA_TYPES] = (own, *served)
        return handlers
