"""The OpenAPI document: what Litestar finds out, put right so that clients generated from it work unedited.

Litestar knows the routes; msgspec knows its Structs better than Litestar does (absent fields, limits, enumerations), so
every schema comes from there. Unions of Structs get names and discriminators, errors their media type, bodies examples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import OpenAPI
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition
from msgspec import UNSET

from aether.api.problems import JOB_PROBLEMS, MEDIA_TYPE, PROBLEMS, BrokenRule, ProblemDetails, ProblemType, type_uri
from aether.errors import FieldError

Json: TypeAlias = dict[str, Any]  # Any: JSON

AnyResponse: TypeAlias = Response[Any]  # Any: whatever the handler answers
_REF = "#/components/schemas/"
_PARAMETERS = {"jobId": "0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11", "If-None-Match": '"7"'}


def described(status: int, description: str) -> dict[int, ResponseSpec]:
    """Declare an answer without a body."""
    return {status: ResponseSpec(None, description=description)}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Declare the errors of a handler; 500 is always among them."""
    return {status: _problem_spec(HTTPStatus(status)) for status in (*statuses, HTTPStatus.INTERNAL_SERVER_ERROR)}


def _problem_spec(status: HTTPStatus) -> ResponseSpec:
    titles = "; ".join(kind.title for kind in _kinds(status).values())
    return ResponseSpec(ProblemDetails, generate_examples=False, description=f"{titles}.", media_type=MEDIA_TYPE)


def _kinds(status: int) -> dict[str, ProblemType]:
    return {kind.word: kind for kind in PROBLEMS.values() if kind.status == status}


def _problem_examples(status: int) -> Json:
    return {word: {"value": _problem_example(kind)} for word, kind in _kinds(status).items()}


def _problem_example(kind: ProblemType) -> object:
    errors = (BrokenRule("topic", "is required"),) if kind is PROBLEMS[FieldError] else UNSET
    detail = kind.detail or f"{kind.title}."
    return msgspec.to_builtins(ProblemDetails(type_uri(kind.word), kind.title, kind.status, detail, "/reports", errors))


def operation_id(handler: HTTPRouteHandler, _: Method, __: list[str | PathParameterDefinition]) -> str:
    """Name an operation after its handler, in camelCase."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(map(str.capitalize, rest))


_DESCRIPTION = """Turns a topic into a structured report.

`POST /reports` accepts a topic and answers at once; `GET /reports/{{jobId}}` shows the job, finished sections included,
until its status is `completed`, `failed` or `cancelled`.

Every error is `application/problem+json` (RFC 9457). A body that is not JSON is a 400; JSON that breaks a rule is a 422
that names field and rule. Every answer carries `X-Request-Id`.

| `type` | status | meaning |
|---|---|---|
{rows}
"""


def description() -> str:
    """Return the words at the head of the document, with every problem type."""
    answers = {kind.word: (str(kind.status.value), kind.title) for kind in PROBLEMS.values()}
    jobs = {word: ("in a failed job", title) for word, title in JOB_PROBLEMS.items()}
    rows = "\n".join(
        f"| `{type_uri(word)}` | {where} | {title} |" for word, (where, title) in [*answers.items(), *jobs.items()]
    )
    return _DESCRIPTION.format(rows=rows)


@dataclass
class ApiDocument(OpenAPIConfig):
    """The document's title and its like, and what goes over the wire.

    `structs` are all Structs of the wire; `unions` name those answers that are one of several, told apart by `status`;
    `examples` are shown, by their names, wherever the Struct or union of that name is a body.
    """

    structs: Sequence[type[msgspec.Struct]] = ()
    unions: Mapping[str, Sequence[type[msgspec.Struct]]] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document that puts itself right as it is written."""
        plain = super().to_openapi_schema()
        document = _Document(**{each.name: getattr(plain, each.name) for each in fields(plain)})
        document.config = self
        return document


class _Document(OpenAPI):
    config: ApiDocument

    def to_schema(self) -> Json:
        document = super().to_schema()
        schemas = document["components"]["schemas"] = _schemas(self.config)
        # Litestar's order is not the same in every process.
        document["paths"] = dict(sorted(document["paths"].items()))
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            answers = operation["responses"] = _declared(operation["responses"])
            for parameter in operation.get("parameters", ()):
                _repair_parameter(parameter)
            for body in (operation.get("requestBody", {}), *answers.values()):
                for content in body.get("content", {}).values():
                    _repair_content(content, schemas, self.config.examples)
            for status, answer in answers.items():
                _repair_answer(int(status), answer)
        return document


def _declared(responses: Json) -> Json:
    """Leave out the 400 that Litestar adds on its own, in a form that errors do not have here."""
    return {
        status: response
        for status, response in responses.items()
        if int(status) < HTTPStatus.BAD_REQUEST or MEDIA_TYPE in response.get("content", {})
    }


def _repair_parameter(parameter: Json) -> None:
    if parameter["schema"].get("default") == "":
        del parameter["schema"]["default"]
    if example := _PARAMETERS.get(parameter["name"]):
        parameter["example"] = example


def _repair_content(content: Json, schemas: Json, examples: Mapping[str, Mapping[str, object]]) -> None:
    """Refer to a union by its name, and show the examples."""
    for name, schema in schemas.items():
        if "oneOf" in schema and schema["oneOf"] == content["schema"].get("oneOf"):
            content["schema"] = {"$ref": _REF + name}
    shown = examples.get(content["schema"].get("$ref", "").removeprefix(_REF), {})
    if shown:
        content["examples"] = {name: {"value": msgspec.to_builtins(value)} for name, value in shown.items()}


def _repair_answer(status: int, answer: Json) -> None:
    if status >= HTTPStatus.BAD_REQUEST:
        answer["content"][MEDIA_TYPE]["examples"] = _problem_examples(status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["headers"] = {"Retry-After": {"description": "When to try again, in seconds."}}
    for name, header in answer.get("headers", {}).items():
        header["schema"] = {"type": "integer" if name == "Retry-After" else "string"}


def _schemas(config: ApiDocument) -> Json:
    _, schemas = msgspec.json.schema_components(config.structs, ref_template=_REF + "{name}")
    for name, members in config.unions.items():
        schemas[name] = _union([member.__name__ for member in members], schemas)
    for schema in _objects(schemas):
        if all(isinstance(value, str) for value in schema.get("enum", [None])):
            schema["type"] = "string"
    return dict(schemas)


def _union(members: Sequence[str], schemas: Mapping[str, Json]) -> Json:
    statuses = {member: schemas[member]["properties"]["status"]["enum"] for member in members}
    mapping = {status: _REF + member for member in members for status in statuses[member]}
    refs = [{"$ref": _REF + member} for member in members]
    return {"oneOf": refs, "discriminator": {"propertyName": "status", "mapping": mapping}}


def _objects(json: Any) -> Iterator[Json]:
    """Walk through every object in it, itself included."""
    if isinstance(json, dict):
        yield json
        for value in json.values():
            yield from _objects(value)
    elif isinstance(json, list):
        for item in json:
            yield from _objects(item)


def schema_router() -> Router:
    """Return where the document is served; Litestar would answer a wrong path below it with a page of HTML."""
    return Router("/schema", route_handlers=[], include_in_schema=False, after_request=_no_page)


async def _no_page(response: AnyResponse) -> AnyResponse:
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response
