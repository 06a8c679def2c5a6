"""Job resource: the path of a kind of job, and the names in its paths, operations and schemas."""

from dataclasses import dataclass

from aether.domain.job import Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """The resource of one kind of job.

    This module does not import the web framework, because workers need it too: webhooks contain the paths of jobs.

    Attributes:
        kind: The kind of job.
        path: The path of the collection, such as `/reports`; the path of a job is `{path}/{id}{ending}`.
        noun: The word for such a job: one word in lower case, with a plural in "s". The schemas, the operation ids and
            the handler that creates a job are named after it.
        id_name: The name of the path parameter for the job's id.
        about: A sentence about the resource for the OpenAPI document.
        controller: The import path of the controller, as `package.module:NAME`.
        ending: "/" if the paths of jobs end with a slash.
        aliases: Further prefixes of the path, which are not in the OpenAPI document.
    """

    kind: Kind
    path: str
    noun: str
    id_name: str
    about: str
    controller: str
    ending: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The noun in the names of schemas and operation ids: `Report`."""
        return self.noun.capitalize()

    @property
    def tag(self) -> str:
        """The tag of the operations: `Reports`."""
        return f"{self.name}s"

    def path_of(self, job_id: str, below: str = "") -> str:
        """Return the path of a job, or of something below it."""
        return f"{self.path}/{job_id}{below}{self.ending}"
