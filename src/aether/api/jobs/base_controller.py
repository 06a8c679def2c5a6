"""Base controller: fits the operations of all kinds of job to one kind, in their paths, ids, texts and types."""

from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, ClassVar, TypeVar, get_args, get_origin

from litestar import Controller, Response, Router
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from aether.api.guards.authentication import JOB_ID_PARAMETER
from aether.api.guards.request_validation import check_job_id
from aether.api.http.problems import AnyRequest
from aether.api.http.public_url import origin_of, prefix_of
from aether.api.jobs.examples import Examples
from aether.api.jobs.resource import Resource
from aether.api.openapi.operations import READABLE, operation_id


class BaseJobController(Controller):
    """Handlers for jobs of one kind.

    Summaries and docstrings of handlers may contain `{noun}`, `{plural}` and `{progress_note}`, paths `{jobId}`, and
    signatures the type variables of a generic subclass; the values of the kind replace them.
    """

    guards = (check_job_id,)

    resource: ClassVar[Resource]
    progress_note: ClassVar[str]
    """What a job shows before it has ended, as one sentence for the OpenAPI document."""
    examples: ClassVar[Examples]
    varies_by: ClassVar[str] = "Prefer"
    """The headers of a request that change how a job is shown."""
    types: ClassVar[Mapping[str, Any]]  # Any: types of every form
    """The type arguments by the names of their variables."""
    _types: ClassVar[Mapping[TypeVar, Any]]  # Any: as above

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "resource" in vars(cls):
            cls.path = cls.resource.path
            cls.tags = (cls.resource.tag,)
            (base,) = cls.__orig_bases__  # type: ignore[attr-defined]  # typing sets it for subclasses of generic classes
            cls._types = dict(zip(get_origin(base).__parameters__, get_args(base), strict=True))
            cls.types = {variable.__name__: each for variable, each in cls._types.items()}
            cls._check_names()

    @classmethod
    def _check_names(cls) -> None:
        """Check what has to be named after the noun of the kind; the OpenAPI document relies on it."""
        if not hasattr(cls, handler := f"create_{cls.resource.noun}"):
            raise TypeError(f"{cls.__name__} needs a handler {handler}, named after the noun of its resource.")
        schemas = {f"{cls.resource.name}{suffix}" for suffix in ("Body", "Accepted", "Job", "Page", "Event")}
        if missing := ", ".join(sorted(schemas - cls.examples.keys())):
            raise TypeError(f"{cls.__name__}.examples needs an entry for each of these schemas: {missing}.")

    def __init__(self, owner: Router) -> None:
        super().__init__(owner)
        self.signature_namespace = self._types  # type: ignore[assignment]  # Litestar declares that the keys are names

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers of the kind; those that read one job accept its read tokens."""
        handlers = super().get_route_handlers()
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                self._fit(handler)
                if self._reads_one_job(handler):
                    handler.opt[JOB_ID_PARAMETER], handler.security = self.resource.id_name, READABLE
        return handlers

    def _fit(self, handler: HTTPRouteHandler) -> None:
        words = {
            "noun": self.resource.noun,
            "plural": self.resource.plural,
            "progress_note": self.progress_note,
        }
        handler.paths = {path.replace("{jobId:", f"{{{self.resource.id_name}:") for path in handler.paths}
        name = operation_id(handler).replace("Jobs", self.resource.tag)
        handler.operation_id = name.replace("Job", self.resource.name)
        handler.summary = str(handler.summary).format(**words)
        handler.description = cleandoc(str(handler.fn.__doc__)).format(**words)

    def _reads_one_job(self, handler: HTTPRouteHandler) -> bool:
        return handler.http_methods == {"GET"} and all(f"{{{self.resource.id_name}:" in path for path in handler.paths)

    async def represent(self, request: AnyRequest, job_id: str) -> Response[Any] | None:  # noqa: ARG002 - for kinds with documents
        """Return the job in another form than JSON if the `Accept` header prefers one; None for JSON."""
        return None

    def url_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's URL, or one below it, as the caller reaches it."""
        return origin_of(request) + self.path_of(request, job_id, below)

    def path_of(self, request: AnyRequest, job_id: str, below: str = "") -> str:
        """Return the job's path, or one below it, under the prefix of the request."""
        alias, _, _ = request.scope["path"].partition(self.path)
        return f"{prefix_of(request)}{alias}{self.resource.path_of(job_id, below)}"
