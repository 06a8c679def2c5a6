"""Base controller: handlers about the jobs of one kind, named and described in the words of its resource."""

from inspect import cleandoc
from typing import Any, ClassVar

from litestar import Controller
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from aether.api.guards.authentication import READS
from aether.api.guards.request_validation import check_job_id
from aether.api.http.problems import AnyRequest
from aether.api.jobs.resource import Resource
from aether.api.openapi.operations import READABLE, operation_id


class BaseJobController(Controller):
    """Handlers about jobs of one kind.

    The words of the kind replace `{noun}` and `{meanwhile}` in summaries and docstrings, and `{jobId}` in paths.
    """

    guards = (check_job_id,)

    resource: ClassVar[Resource]
    meanwhile: ClassVar[str]
    """What a job shows before it has ended, as one sentence for the OpenAPI document."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "resource" in vars(cls):
            cls.path = cls.resource.path
            cls.tags = (cls.resource.tag,)

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers, each in the words of the kind; those that read one job take its read tokens."""
        handlers = super().get_route_handlers()
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                self._name(handler)
                if self._reads_one(handler):
                    handler.opt[READS], handler.security = self.resource.id_name, READABLE
        return handlers

    def _reads_one(self, handler: HTTPRouteHandler) -> bool:
        return handler.http_methods == {"GET"} and all(f"{{{self.resource.id_name}:" in path for path in handler.paths)

    def _name(self, handler: HTTPRouteHandler) -> None:
        words = {"noun": self.resource.noun, "meanwhile": self.meanwhile}
        handler.paths = {path.replace("{jobId:", f"{{{self.resource.id_name}:") for path in handler.paths}
        handler.operation_id = operation_id(handler).replace("Job", self.resource.name)
        handler.summary = str(handler.summary).format(**words)
        handler.description = cleandoc(str(handler.fn.__doc__)).format(**words)

    def url_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's address, or one below it, as the caller can use it."""
        # A proxy in front has to pass the caller's Host on.
        return f"{request.url.scheme}://{request.url.netloc}{self.path_of(request, job_id, below)}"

    def path_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's path, or one below it, under the prefix by which the caller came."""
        prefix, _, _ = request.scope["path"].partition(self.path)
        return f"{request.scope.get('root_path', '')}{prefix}{self.resource.path_of(job_id, below)}"
