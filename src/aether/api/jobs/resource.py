"""Job resource: what each layer that knows addresses has to know of a kind."""

from dataclasses import dataclass

from aether.domain.job import Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """The resource of one kind of job: its address and its words.

    This module loads no web framework, since workers need addresses too: they write them into webhooks.

    Attributes:
        kind: The kind of job.
        path: Where the collection is, such as `/reports`; a job is at `{path}/{id}{ending}`.
        noun: What people call such a job, in lower case; operation ids and schemas are named after it.
        id_name: The name of the job's id in paths.
        about: One sentence for the OpenAPI document.
        controller: Where the handlers are defined, as `package.module:NAME`.
        ending: "/" where addresses end with a slash.
        aliases: Further prefixes at which the resource is served; the OpenAPI document does not list them.
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
        """The noun as schemas and operation ids write it: `Report`."""
        return self.noun.capitalize()

    @property
    def tag(self) -> str:
        """The tag of the operations: `Reports`."""
        return f"{self.name}s"

    def path_of(self, job_id: str, below: str = "") -> str:
        """Return the path of a job, or one below it."""
        return f"{self.path}/{job_id}{below}{self.ending}"
