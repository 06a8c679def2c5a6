"""What is said in the words of a kind, whatever is done with its jobs: what handlers are called, and where jobs are."""

from inspect import cleandoc
from typing import ClassVar

from litestar import Controller
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from aether.api.guards.authentication import READS
from aether.api.guards.request_validation import check_job_id
from aether.api.http.problems import AnyRequest
from aether.api.openapi.operations import READABLE, operation_id
from aether.domain.job import Kind


class BaseJobController(Controller):
    """Handlers about jobs of one kind, with its words in the place of `{noun}`, `{meanwhile}` and `{jobId}`."""

    guards = (check_job_id,)

    kind: ClassVar[Kind]
    noun: ClassVar[str]
    meanwhile: ClassVar[str]
    id_name: ClassVar[str]
    ending: ClassVar[str] = ""

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers, each in the words of the kind; those that read one job take its read tokens."""
        handlers = super().get_route_handlers()
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                self._name(handler)
                if self._reads_one(handler):
                    handler.opt[READS], handler.security = self.id_name, READABLE
        return handlers

    def _reads_one(self, handler: HTTPRouteHandler) -> bool:
        return handler.http_methods == {"GET"} and all(f"{{{self.id_name}:" in path for path in handler.paths)

    def _name(self, handler: HTTPRouteHandler) -> None:
        words = {"noun": self.noun, "meanwhile": self.meanwhile}
        handler.paths = {path.replace("{jobId:", f"{{{self.id_name}:") for path in handler.paths}
        handler.operation_id = operation_id(handler).replace("Job", self.noun.capitalize())
        handler.summary = str(handler.summary).format(**words)
        handler.description = cleandoc(str(handler.fn.__doc__)).format(**words)

    def url_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's address, or one below it, as the caller can use it."""
        # A proxy in front has to pass the caller's Host on.
        return f"{request.url.scheme}://{request.url.netloc}{self.path_of(request, job_id, below)}"

    def path_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's path, or one below it, under the prefix by which the caller came."""
        prefix, _, _ = request.scope["path"].partition(self.path)
        return f"{request.scope.get('root_path', '')}{prefix}{self.path}/{job_id}{below}{self.ending}"
