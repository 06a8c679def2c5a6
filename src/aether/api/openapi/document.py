"""OpenAPI document: Litestar's document, corrected so that clients generated from it work without changes.

Paths come from Litestar, schemas from msgspec, which describes its Structs better (optional fields, limits,
enumerations). Unions of Structs get names and discriminators, errors their media type, bodies their examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from http import HTTPStatus

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Contact, OpenAPI, Reference, SecurityRequirement, SecurityScheme
from msgspec import UNSET

from aether.api.guards.authentication import CREDENTIAL_PARAMETER
from aether.api.http import sse
from aether.api.http.file_response import BINARY
from aether.api.http.problem_details import MEDIA_TYPE, BrokenRule, ProblemDetails
from aether.api.http.problems import PROBLEMS, ProblemType, type_uri
from aether.api.jobs.examples import Examples
from aether.api.openapi.declarations import Declaration, declarations_of
from aether.api.openapi.links import add_links
from aether.api.openapi.operations import BEARER, CALLABLE, READ_TOKEN
from aether.api.openapi.schemas import REF, Json, Structs, objects_in, reference, repair_schema, schemas_of
from aether.api.openapi.streams import EventSchemas
from aether.errors import FieldError

_RETRY_AFTER = {"Retry-After": "When to ask again, in seconds."}
_CHALLENGE = {"WWW-Authenticate": "The required credential (RFC 6750, 3)."}
_HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: _CHALLENGE,
    HTTPStatus.FORBIDDEN: _CHALLENGE,
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY_AFTER
    | {
        "RateLimit-Policy": "How many requests are allowed, in how many seconds.",
        "RateLimit": "How many requests are left, and in how many seconds more are available.",
    },
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY_AFTER,
}
_SCHEMES: dict[str, SecurityScheme | Reference] = {
    BEARER: SecurityScheme(
        "http", scheme="bearer", description="A key, a token of the identity provider, or a job's read token."
    ),
    READ_TOKEN: SecurityScheme(
        "apiKey",
        name=CREDENTIAL_PARAMETER,
        security_scheme_in="query",
        description="A job's read token, for clients that cannot send headers. No other credential is accepted here.",
    ),
}
_FLAGS = {"deprecated", "allowEmptyValue", "allowReserved"}
_BYTES = {"type": "string", "format": "binary"}
# A validator parses JSON before it looks at the schema, also where clients save the file as it is.
_FILE_SCHEMAS = {"application/json": {"type": "object"}}


@dataclass
class ApiDocument(OpenAPIConfig):
    """The configuration of the document.

    Attributes:
        structs: Structs that are in no handler's signature.
        unions: Unions of Structs with the discriminator `status`, by name.
        examples: Examples of bodies, by the name of their schema.
        streams: The events of streams, by operation id.
        enumerations: Values of enumeration classes, by name, that have other values than the class's members.
        app: Set once the app is built; the other Structs and the errors are read from its handlers.
    """

    contact: Contact | None = field(default_factory=lambda: Contact("Whoever runs this server"))
    components: Components | list[Components] = field(default_factory=lambda: Components(security_schemes=_SCHEMES))
    security: list[SecurityRequirement] | None = field(default_factory=lambda: list(CALLABLE))
    structs: Structs = ()
    unions: Mapping[str, Structs] = field(default_factory=dict)
    examples: Examples = field(default_factory=dict)
    streams: Mapping[str, EventSchemas] = field(default_factory=dict)
    enumerations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    app: Litestar | None = None

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document, which is corrected when it is encoded."""
        original = super().to_openapi_schema()
        document = _Document(**{each.name: getattr(original, each.name) for each in fields(original)})
        document.config = self
        return document


class _Document(OpenAPI):
    config: ApiDocument

    def to_schema(self) -> Json:
        document = super().to_schema()
        config = self.config
        declarations = declarations_of(config.app) if config.app else {}
        declared_structs = (each for declaration in declarations.values() for each in declaration.structs)
        structs = dict.fromkeys([*config.structs, *declared_structs])
        schemas = document["components"]["schemas"] = schemas_of([*structs], config.unions, config.enumerations)
        for events in config.streams.values():
            schemas |= events.schemas()
        # Litestar's order differs between processes.
        paths = document["paths"] = dict(sorted(document["paths"].items()))
        for path, item in paths.items():
            for operation in item.values():
                name = operation["operationId"]
                if stream := config.streams.get(name):
                    operation["responses"]["200"]["content"][sse.MEDIA_TYPE]["schema"] = stream.content()
                _repair_operation(operation, declarations[name], path, schemas, config.examples)
        for item in document["webhooks"].values():
            item["post"]["security"] = []
            for content in item["post"]["requestBody"]["content"].values():
                _repair_content(content, schemas, config.examples)
        add_links(paths, schemas)
        _remove_false_flags(document)
        return document


def _remove_false_flags(document: Json) -> None:
    """Remove flags that are false, which is their default."""
    for found in objects_in([document["paths"], document["webhooks"]]):
        for flag in _FLAGS & found.keys():
            if found[flag] is False:
                del found[flag]


def _repair_operation(operation: Json, declaration: Declaration, path: str, schemas: Json, examples: Examples) -> None:
    responses = operation["responses"] = _declared(operation["responses"])
    if str(HTTPStatus.UNAUTHORIZED.value) not in responses:
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        _repair_parameter(parameter, declaration)
    if "requestBody" in operation:
        _repair_request_body(operation["requestBody"])
    for body in (operation.get("requestBody", {}), *responses.values()):
        if BINARY in body.get("content", {}):
            media_types = dict.fromkeys((BINARY, *declaration.media_types))
            body["content"] = {each: {"schema": dict(_FILE_SCHEMAS.get(each, _BYTES))} for each in media_types}
        for content in body.get("content", {}).values():
            _repair_content(content, schemas, examples)
    broken_rule = _example_rule(operation, schemas)
    example_path = path.format_map({each["name"]: each.get("example") for each in operation.get("parameters", ())})
    for status, response in responses.items():
        _repair_response(int(status), response)
        if types := declaration.problems.get(int(status)):
            response["description"] = "; ".join(each.title for each in types) + "."
            problems = {each.word: {"value": _example_problem(each, example_path, broken_rule)} for each in types}
            response["content"][MEDIA_TYPE]["examples"] = problems
    _widen_ok(responses)


def _widen_ok(responses: Json) -> None:
    """Change 200 to 2XX beside 201 or 202: client generators treat the lowest status as the usual one."""
    if responses.keys() & {"201", "202"} and "200" in responses:
        responses["2XX"] = responses.pop("200")


def _example_rule(operation: Json, schemas: Json) -> BrokenRule:
    """Return the broken rule for examples: one of the body if there is a body, otherwise one of the query."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = schemas[content["schema"]["$ref"].removeprefix(REF)]
        if body.get("required"):
            return BrokenRule(body["required"][0], "is required")
        name, rules = next(iter(body["properties"].items()))
        return BrokenRule(name, f"must be at least {rules['minimum']}")
    return BrokenRule("limit", "must be at least 1")


def _example_problem(problem: ProblemType, path: str, broken_rule: BrokenRule) -> object:
    is_field_error = problem == PROBLEMS[FieldError]
    detail = f"{broken_rule.field}: {broken_rule.rule}" if is_field_error else problem.detail or f"{problem.title}."
    errors = (broken_rule,) if is_field_error else UNSET
    return msgspec.to_builtins(
        ProblemDetails(type_uri(problem.word), problem.title, problem.status, detail, path, errors)
    )


def _declared(responses: Json) -> Json:
    """Remove the 400 that Litestar adds, which has another form than errors have here."""
    return {
        status: response
        for status, response in responses.items()
        if int(status) < HTTPStatus.BAD_REQUEST or MEDIA_TYPE in response.get("content", {})
    }


def _repair_parameter(parameter: Json, declaration: Declaration) -> None:
    """Remove the default and null of absent parameters, write bounds as integers, and refer to enumerations by name."""
    schema = parameter["schema"]
    if schema.get("default") == "":
        del schema["default"]
    for found in schema.pop("oneOf", ()):
        schema |= found if found != {"type": "null"} else {}
    if name := declaration.enumerations.get(parameter["name"]):
        parameter["schema"] = schema = reference(name)
    for bound in {"minimum", "maximum"} & schema.keys():
        schema[bound] = int(schema[bound])
    repair_schema(schema)
    if schema.get("description") == parameter.get("description"):
        schema.pop("description", None)
    if examples := schema.pop("examples", None):
        parameter["example"] = examples[0]


def _repair_request_body(body: Json) -> None:
    """Declare an optional body as not required, instead of nullable."""
    for content in body["content"].values():
        members = content["schema"].get("oneOf", ())
        if {"type": "null"} in members:
            (content["schema"],) = (member for member in members if member != {"type": "null"})
            body["required"] = False


def _repair_content(content: Json, schemas: Json, examples: Examples) -> None:
    """Refer to unions by their names, and add the examples."""
    for name, schema in schemas.items():
        if "oneOf" in schema and schema["oneOf"] == content["schema"].get("oneOf"):
            content["schema"] = reference(name)
    schema = content["schema"].get("contentSchema", content["schema"])
    own_examples = examples.get(schema.get("$ref", "").removeprefix(REF), {})
    if own_examples:
        content["examples"] = {name: {"value": msgspec.to_builtins(value)} for name, value in own_examples.items()}


def _repair_response(status: int, response: Json) -> None:
    if headers := _HEADERS.get(status):
        response["headers"] = {name: {"description": description} for name, description in headers.items()}
    for name, header in response.get("headers", {}).items():
        header["schema"] = {"type": "integer" if name == "Retry-After" else "string"}
