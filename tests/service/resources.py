"""Resource rows: each kind of job as the tests of the wire see it, read from its entry in the API's registry.

A suite over all kinds takes `EVERY_KIND`. So it covers a new kind, and the example kind of docs/adding-a-kind.md,
without a line of its own.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler

from aether.api.jobs import resource as api
from aether.api.kinds import KINDS
from aether.api.kinds.routers import AnyJobController, controller_of
from aether.domain.job import Kind, Status

UNKNOWN = "00000000-0000-4000-8000-000000000000"
# Short, so that expected answers can be read.
_TEXTS = {"topic": "Rome", "input_text": "Wash your hands.", "prompt": "A lighthouse"}


@dataclass(frozen=True)
class Resource:
    """One kind on the wire."""

    api: api.Resource

    def __repr__(self) -> str:
        return self.kind.value

    @property
    def kind(self) -> Kind:
        return self.api.kind

    @property
    def path(self) -> str:
        return self.api.path

    @property
    def slash(self) -> str:
        """What addresses of jobs end with."""
        return self.api.ending

    @cached_property
    def controller(self) -> AnyJobController:
        return controller_of(self.api)

    @property
    def words(self) -> dict[Status, str]:
        """The word for each status."""
        return {status: str(word) for status, word in self.controller.vocabulary.statuses.items()}

    @property
    def id_name(self) -> str:
        """The name of the id in a job."""
        shape = self.controller.types["JobT"]
        first: type[msgspec.Struct] = (get_args(shape) or (shape,))[0]
        return first.__struct_encode_fields__[0]

    @property
    def plural(self) -> str:
        """The name of the jobs in a page."""
        name: str = self.controller.types["PageT"].__struct_encode_fields__[0]
        return name

    @property
    def next_name(self) -> str:
        """The name of the cursor in a page."""
        name: str = self.controller.types["PageT"].__struct_encode_fields__[1]
        return name

    @cached_property
    def body_type(self) -> type[msgspec.Struct]:
        """What is posted to create a job."""
        handlers = vars(self.controller).values()
        (create,) = (
            each for each in handlers if isinstance(each, HTTPRouteHandler) and "data" in each.fn.__annotations__
        )
        body: type[msgspec.Struct] = get_args(create.fn.__annotations__["data"])[0]
        return body

    @cached_property
    def body(self) -> dict[str, Any]:
        """The required fields of a body, as the first example has them."""
        example: Any = next(iter(self.controller.examples[self.body_type.__name__].values()))
        required = [each.encode_name for each in msgspec.structs.fields(self.body_type) if each.required]
        return {name: _TEXTS.get(name, example[name]) for name in required}

    @property
    def request(self) -> bytes:
        """The same as JSON, which is also what is stored."""
        return msgspec.json.encode(self.body)

    @cached_property
    def _text(self) -> tuple[str, dict[str, Any]]:
        fields = msgspec.inspect.type_info(self.body_type).fields  # type: ignore[attr-defined]  # of a Struct
        texts = (each for each in fields if each.required and "max_length" in (getattr(each.type, "extra", None) or {}))
        first = next(texts)
        return first.encode_name, first.type.extra

    @property
    def text(self) -> str:
        """The name of the first required text."""
        return self._text[0]

    @property
    def longest(self) -> int:
        """How many characters that text may have."""
        return int(self._text[1]["max_length"])

    @property
    def has_lines(self) -> bool:
        """Whether that text may have several lines."""
        return bool(self._text[1]["multiline"])

    @property
    def is_camel(self) -> bool:
        """Whether names are in camelCase."""
        return "_" not in self.next_name

    def name(self, snake: str) -> str:
        """Return a field's name as this kind writes it."""
        first, *rest = snake.split("_")
        return first + "".join(map(str.capitalize, rest)) if self.is_camel else snake

    def with_text(self, value: object) -> dict[str, Any]:
        """Return a body with another text."""
        return self.body | {self.text: value}

    def url(self, job_id: str = UNKNOWN, action: str = "") -> str:
        """Return a job's address as the service gives it."""
        return f"{self.path}/{job_id}{action}{self.slash}"


RESOURCES = [Resource(each) for each in KINDS.values()]
REPORTS, CHECKLISTS, GENERATIONS = (Resource(KINDS[kind]) for kind in (Kind.REPORT, Kind.CHECKLIST, Kind.IMAGE))
EVERY_KIND = pytest.mark.parametrize("resource", RESOURCES, ids=repr)
