"""OpenAPI document: what Litestar finds out, put right so that clients generated from it work unedited.

Litestar knows the routes; msgspec knows its Structs better than Litestar does (absent fields, limits, enumerations), so
every schema comes from there. Unions of Structs get names and discriminators, errors their media type, bodies examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from http import HTTPStatus

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Contact, OpenAPI, Reference, SecurityRequirement, SecurityScheme
from msgspec import UNSET

from aether.api.http import sse
from aether.api.http.problem_details import MEDIA_TYPE, BrokenRule, ProblemDetails
from aether.api.http.problems import PROBLEMS, ProblemType, type_uri
from aether.api.jobs.examples import Examples
from aether.api.jobs.read_tokens import PARAMETER
from aether.api.openapi.declarations import Declaration, declarations_of
from aether.api.openapi.links import add_links
from aether.api.openapi.operations import BEARER, BINARY, READ_TOKEN
from aether.api.openapi.schemas import REF, Json, Structs, objects_in, reference, repair_schema, schemas_of
from aether.api.openapi.streams import Events
from aether.errors import FieldError

_RETRY_AFTER = {"Retry-After": "When to try again, in seconds."}
_CHALLENGE = {"WWW-Authenticate": "What to send (RFC 6750, 3)."}
_HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: _CHALLENGE,
    HTTPStatus.FORBIDDEN: _CHALLENGE,
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER
    | {
        "RateLimit-Policy": "How many requests may be made, in how many seconds.",
        "RateLimit": "How many may be made now, and in how many seconds more.",
    },
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
}
_SCHEMES: dict[str, SecurityScheme | Reference] = {
    BEARER: SecurityScheme(
        "http", scheme="bearer", description="A key, a token of the identity provider, or a job's read token."
    ),
    READ_TOKEN: SecurityScheme(
        "apiKey",
        name=PARAMETER,
        security_scheme_in="query",
        description="A job's read token, for those who can send no headers. Nothing else is taken here.",
    ),
}
_SECURITY: list[SecurityRequirement] = [{BEARER: []}]
_FLAGS = {"deprecated", "allowEmptyValue", "allowReserved"}
_BYTES = {"type": "string", "format": "binary"}


@dataclass
class ApiDocument(OpenAPIConfig):
    """The document's title and its like, and what goes over the wire.

    `unions` name those answers that are one of several, told apart by `status`; `examples` are shown, by their names,
    wherever the Struct or union of that name is a body; `streams` are what the operations of these ids send; `words`
    are those of enumeration classes that have more than their members. `app` is set when the app is built: the Structs
    and the errors are found in the declarations of its handlers.
    """

    contact: Contact | None = field(default_factory=lambda: Contact("Whoever runs this server"))
    components: Components | list[Components] = field(default_factory=lambda: Components(security_schemes=_SCHEMES))
    security: list[SecurityRequirement] | None = field(default_factory=lambda: list(_SECURITY))
    structs: Structs = ()
    unions: Mapping[str, Structs] = field(default_factory=dict)
    examples: Examples = field(default_factory=dict)
    streams: Mapping[str, Events] = field(default_factory=dict)
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    app: Litestar | None = None

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
        config = self.config
        declared = declarations_of(config.app) if config.app else {}
        structs = dict.fromkeys([*config.structs, *(each for found in declared.values() for each in found.structs)])
        schemas = document["components"]["schemas"] = schemas_of([*structs], config.unions, config.words)
        for events in config.streams.values():
            schemas |= events.schemas()
        # Litestar's order is not the same in every process.
        paths = document["paths"] = dict(sorted(document["paths"].items()))
        for path, item in paths.items():
            for operation in item.values():
                name = operation["operationId"]
                if stream := config.streams.get(name):
                    operation["responses"]["200"]["content"][sse.MEDIA_TYPE]["schema"] = stream.content()
                _repair_operation(operation, declared[name], path, schemas, config.examples)
        for item in document["webhooks"].values():
            item["post"]["security"] = []
            for content in item["post"]["requestBody"]["content"].values():
                _repair_content(content, schemas, config.examples)
        add_links(paths, schemas)
        _leave_out_defaults(document)
        return document


def _leave_out_defaults(document: Json) -> None:
    """Leave out the flags that say what is so without them."""
    for found in objects_in([document["paths"], document["webhooks"]]):
        for flag in _FLAGS & found.keys():
            if found[flag] is False:
                del found[flag]


def _repair_operation(operation: Json, declared: Declaration, path: str, schemas: Json, examples: Examples) -> None:
    answers = operation["responses"] = _declared(operation["responses"])
    if str(HTTPStatus.UNAUTHORIZED.value) not in answers:
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        _repair_parameter(parameter, declared)
    if "requestBody" in operation:
        _repair_request_body(operation["requestBody"])
    for body in (operation.get("requestBody", {}), *answers.values()):
        if BINARY in body.get("content", {}):
            body["content"] = {media_type: {"schema": dict(_BYTES)} for media_type in (BINARY, "image/*")}
        for content in body.get("content", {}).values():
            _repair_content(content, schemas, examples)
    broken = _rule_to_break(operation, schemas)
    called = path.format_map({each["name"]: each.get("example") for each in operation.get("parameters", ())})
    for status, answer in answers.items():
        _repair_answer(int(status), answer)
        if types := declared.problems.get(int(status)):
            answer["description"] = "; ".join(each.title for each in types) + "."
            shown = {each.word: {"value": _problem(each, called, broken)} for each in types}
            answer["content"][MEDIA_TYPE]["examples"] = shown
    _name_usual_answer(answers)


def _name_usual_answer(answers: Json) -> None:
    """Widen the 200 of what is accepted as a rule: generators take the lowest status for the usual answer."""
    if answers.keys() & {"201", "202"} and "200" in answers:
        answers["2XX"] = answers.pop("200")


def _rule_to_break(operation: Json, schemas: Json) -> BrokenRule:
    """Choose what is wrong in the example of a broken rule: in the body if there is one, else in the query."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = schemas[content["schema"]["$ref"].removeprefix(REF)]
        if body.get("required"):
            return BrokenRule(body["required"][0], "is required")
        name, rules = next(iter(body["properties"].items()))
        return BrokenRule(name, f"must be at least {rules['minimum']}")
    return BrokenRule("limit", "must be at least 1")


def _problem(kind: ProblemType, called: str, broken: BrokenRule) -> object:
    """Show a problem as it would answer a call of this path."""
    breaks = kind == PROBLEMS[FieldError]
    detail = f"{broken.field}: {broken.rule}" if breaks else kind.detail or f"{kind.title}."
    errors = (broken,) if breaks else UNSET
    return msgspec.to_builtins(ProblemDetails(type_uri(kind.word), kind.title, kind.status, detail, called, errors))


def _declared(responses: Json) -> Json:
    """Leave out the 400 that Litestar adds on its own, in a form that errors do not have here."""
    return {
        status: response
        for status, response in responses.items()
        if int(status) < HTTPStatus.BAD_REQUEST or MEDIA_TYPE in response.get("content", {})
    }


def _repair_parameter(parameter: Json, declared: Declaration) -> None:
    """Leave out what stands for an absent parameter, write whole bounds as such, and refer to enumerations by name."""
    schema = parameter["schema"]
    if schema.get("default") == "":
        del schema["default"]
    for found in schema.pop("oneOf", ()):
        schema |= found if found != {"type": "null"} else {}
    if name := declared.enumerations.get(parameter["name"]):
        parameter["schema"] = schema = reference(name)
    for bound in {"minimum", "maximum"} & schema.keys():
        schema[bound] = int(schema[bound])
    repair_schema(schema)
    if schema.get("description") == parameter.get("description"):
        schema.pop("description", None)
    if examples := schema.pop("examples", None):
        parameter["example"] = examples[0]


def _repair_request_body(body: Json) -> None:
    """Say of a body that may be left out that it is not required, instead of that it may be null."""
    for content in body["content"].values():
        members = content["schema"].get("oneOf", ())
        if {"type": "null"} in members:
            (content["schema"],) = (member for member in members if member != {"type": "null"})
            body["required"] = False


def _repair_content(content: Json, schemas: Json, examples: Examples) -> None:
    """Refer to a union by its name, and show the examples."""
    for name, schema in schemas.items():
        if "oneOf" in schema and schema["oneOf"] == content["schema"].get("oneOf"):
            content["schema"] = reference(name)
    shown_as = content["schema"].get("contentSchema", content["schema"])
    shown = examples.get(shown_as.get("$ref", "").removeprefix(REF), {})
    if shown:
        content["examples"] = {name: {"value": msgspec.to_builtins(value)} for name, value in shown.items()}


def _repair_answer(status: int, answer: Json) -> None:
    if headers := _HEADERS.get(status):
        answer["headers"] = {name: {"description": description} for name, description in headers.items()}
    for name, header in answer.get("headers", {}).items():
        header["schema"] = {"type": "integer" if name == "Retry-After" else "string"}
