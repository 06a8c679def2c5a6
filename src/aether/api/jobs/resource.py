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
        noun: The word for such a job: one word in lower case. The schemas, the operation ids and the handler that
            creates a job are named after it.
        id_name: The name of the path parameter for the job's id.
        about: A sentence about the resource for the OpenAPI document.
        controller: The import path of the controller, as `package.module:NAME`.
        ending: "/" if the paths of jobs end with a slash.
        aliases: Further prefixes of the path, which are not in the OpenAPI document.
        irregular_plural: The plural of the noun, in lower case, if it is not the noun and "s".
    """

    kind: Kind
    path: str
    noun: str
    id_name: str
    about: str
    controller: str
    ending: str = ""
    aliases: tuple[str, ...] = ()
    irregular_plural: str | None = None

    @property
    def name(self) -> str:
        """The noun in the names of schemas and operation ids: `Report`."""
        return self.noun.capitalize()

    @property
    def plural(self) -> str:
        """The plural of the noun: `reports`."""
        return self.irregular_plural or f"{self.noun}s"

    @property
    def tag(self) -> str:
        """The plural in the tag of the operations, and in their ids: `Reports`."""
        return self.plural.capitalize()

    def path_of(self, job_id: str, below: str = "") -> str:
        """Return the path of a job, or of something below it."""
        return f"{self.path}/{job_id}{below}{self.ending}"
