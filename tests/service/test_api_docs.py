"""The OpenAPI document is valid, and works with client generators."""

import re
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from aether.domain.job import ENDED
from tests.service.resources import EVERY_KIND, RESOURCES, Resource

_OPERATIONS_OF_A_KIND = {
    "POST {path}": "create{name}",
    "GET {path}": "list{names}",
    "GET {path}/{{{id_name}}}": "get{name}",
    "DELETE {path}/{{{id_name}}}": "delete{name}",
    "GET {path}/{{{id_name}}}/events": "stream{name}",
    "POST {path}/{{{id_name}}}/cancel": "cancel{name}",
    "POST {path}/{{{id_name}}}/retry": "retry{name}",
    "POST {path}/{{{id_name}}}/token": "create{name}Token",
}
OPERATIONS = {
    call.format(path=each.path, id_name=each.api.id_name): operation.format(name=each.api.name, names=each.api.tag)
    for each in RESOURCES
    for call, operation in _OPERATIONS_OF_A_KIND.items()
} | {
    "GET /api/generation/{generationId}/images/{position}": "getGenerationImage",
    "GET /reports/{jobId}/export/{format}": "exportReport",
    "GET /jobs/{event_id}/export/{format}": "exportChecklist",
    "GET /notifications": "listNotifications",
    "GET /notifications/events": "streamNotifications",
    "POST /notifications/ack": "acknowledgeNotifications",
    "GET /webhooks/endpoint": "getEndpoint",
    "PUT /webhooks/endpoint": "setEndpoint",
    "DELETE /webhooks/endpoint": "deleteEndpoint",
    "GET /webhooks/secret": "getWebhookSecret",
    "POST /webhooks/secret/rotate": "rotateWebhookSecret",
    "GET /webhooks/deliveries": "listDeliveries",
    "GET /webhooks/deliveries/{deliveryId}": "getDelivery",
    "POST /webhooks/deliveries/{deliveryId}/replay": "replayDelivery",
    "GET /templates": "listTemplates",
    "POST /templates": "copyTemplate",
    "GET /templates/{name}": "getTemplate",
    "PUT /templates/{name}": "setTemplate",
    "DELETE /templates/{name}": "deleteTemplate",
    "GET /health/live": "getLiveness",
    "GET /health/ready": "getReadiness",
}


def _objects(value: Any) -> list[dict[str, Any]]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(found for each in below for found in _objects(each))]


async def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/"}]


async def test_operation_ids_are_names_for_methods_of_clients(document: dict[str, Any]) -> None:
    named = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert named == OPERATIONS


async def test_the_status_discriminates_the_schemas_of_a_report(document: dict[str, Any]) -> None:
    job = document["components"]["schemas"]["ReportJob"]

    assert len(job["oneOf"]) == 4
    assert set(job["discriminator"]["mapping"]) == {"pending", "processing", "completed", "failed", "cancelled"}
    get = document["paths"]["/reports/{jobId}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert get["schema"] == {"$ref": "#/components/schemas/ReportJob"}


async def test_limits_of_texts_are_declared(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["ReportBody"]

    topic = body["properties"]["topic"]
    assert topic["minLength"] == 1
    assert topic["description"].endswith("1 to 300 characters.")
    assert [bool(re.search(topic["pattern"], "a" * length)) for length in (0, 1, 300, 301)] == [
        False,
        True,
        True,
        False,
    ]
    assert body["properties"]["instructions"]["description"].endswith("1 to 2,000 characters.")
    assert body["additionalProperties"] is False
    assert body["required"] == ["topic"]


async def test_numbers_and_urls_are_declared_with_their_limits(document: dict[str, Any]) -> None:
    version, notification = (
        each["schema"]
        for path in ("/reports/{jobId}", "/notifications")
        for each in document["paths"][path]["get"]["parameters"]
        if each["name"] == "after"
    )

    assert (version["type"], version["minimum"]) == ("integer", 0)
    ids = [bool(re.search(notification["pattern"], text)) for text in ("0", "1768469409000000", "9" * 16, "1" * 17)]
    assert ids == [True, True, False, False]
    assert document["components"]["schemas"]["WebhookBody"]["properties"]["url"]["format"] == "uri"


async def test_absent_fields_are_optional_and_not_null(document: dict[str, Any]) -> None:
    described = document["components"] | document["paths"]
    assert not [found for found in _objects(described) if len(found.get("oneOf", found.get("anyOf", "ab"))) == 1]
    nullable = [found for found in _objects(described) if {"type": "null"} in found.get("anyOf", ())]
    # Only a field of an answer may be null, and says when it is.
    assert [found for found in nullable if "null until" not in found.get("description", "")] == []
    assert msgspec.json.encode(described).count(b'"null"') == len(nullable)


async def test_an_optional_body_is_not_required(document: dict[str, Any]) -> None:
    bodies = {
        operation["operationId"]: operation["requestBody"]["required"]
        for item in document["paths"].values()
        for operation in item.values()
        if "requestBody" in operation
    }

    kinds = [each.api.name for each in RESOURCES]
    optional = dict.fromkeys((call for kind in kinds for call in (f"retry{kind}", f"create{kind}Token")), False)
    others = ("acknowledgeNotifications", "setEndpoint", "copyTemplate", "setTemplate")
    required = dict.fromkeys((*others, *(f"create{kind}" for kind in kinds)), True)
    assert bodies == required | optional


@EVERY_KIND
async def test_the_parameters_of_a_list_are_declared_with_their_rules(
    document: dict[str, Any], resource: Resource
) -> None:
    parameters = {each["name"]: each["schema"] for each in document["paths"][resource.path]["get"]["parameters"]}

    status = f"{resource.api.name}Status"
    assert parameters["status"] == {"$ref": f"#/components/schemas/{status}"}
    declared = document["components"]["schemas"][status]
    assert (declared["type"], declared["enum"]) == ("string", [*dict.fromkeys(resource.words.values())])
    assert parameters["limit"] | {"type": "integer", "minimum": 1, "maximum": 100, "default": 20} == parameters["limit"]
    assert parameters["cursor"]["type"] == "string"


@EVERY_KIND
async def test_every_event_of_a_stream_is_declared(document: dict[str, Any], resource: Resource) -> None:
    operation = document["paths"][f"{resource.path}/{{{resource.api.id_name}}}/events"]["get"]
    schemas = document["components"]["schemas"]
    schema = f"{resource.api.name}Event"
    ends = {resource.words[status].lower() for status in ENDED}
    mapping = schemas[schema]["discriminator"]["mapping"]
    events = {name: schemas[where.rpartition("/")[2]] for name, where in mapping.items()}

    assert {"Last-Event-ID", "after"} <= {parameter["name"] for parameter in operation["parameters"]}
    assert {"snapshot", "gap", "status", "steps", "attempt"} | ends <= mapping.keys()
    assert [{"$ref": where} for where in mapping.values()] == schemas[schema]["oneOf"]
    assert {name: event["properties"]["event"]["const"] for name, event in events.items()} == {
        name: name for name in mapping
    }
    data = {event["properties"]["data"]["$ref"].rpartition("/")[2] for event in events.values()}
    assert data <= schemas.keys()


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        *((f"{each.path}/{{{each.api.id_name}}}/events", f"{each.api.name}Event") for each in RESOURCES),
        ("/notifications/events", "NotificationEvent"),
    ],
)
async def test_a_stream_has_no_type_but_examples_of_its_events(
    document: dict[str, Any], path: str, schema: str
) -> None:
    """With a type, some client generators decode the whole stream as JSON, and others apply it to each event."""
    content = document["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
    event = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}

    assert "type" not in content["schema"]
    assert content["schema"]["contentSchema"] == {"$ref": f"#/components/schemas/{schema}"}
    for example in content["examples"].values():
        fields = dict(line.split(": ", 1) for line in example["value"].splitlines() if line)
        OAS31Validator(event).validate(fields | {"data": msgspec.json.decode(fields["data"])})


async def test_names_of_schemas_contain_no_numbers(document: dict[str, Any]) -> None:
    """Client generators number schemas without a name, such as unions of unnamed objects and repeated enumerations."""
    schemas = document["components"]["schemas"]
    named = [id(schema) for schema in schemas.values()]
    nameless = [tuple(found["enum"]) for found in _objects(schemas) if "enum" in found and id(found) not in named]

    assert len(nameless) == len(set(nameless))
    assert [name for name in schemas if not re.fullmatch("([A-Z][a-z]+)+", name)] == []
    for union in (found for found in schemas.values() if "oneOf" in found):
        assert all("$ref" in member for member in union["oneOf"])
        assert union["discriminator"]["mapping"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Length", ["brief", "standard", "detailed"]),
        ("StepStatus", ["pending", "running", "done", "failed"]),
        ("DeliveryStatus", ["pending", "delivered", "dead"]),
        ("Ending", ["completed", "failed", "cancelled"]),
        ("Kind", [each.kind.value for each in RESOURCES]),
    ],
)
async def test_the_values_of_an_enumeration_keep_their_order(
    document: dict[str, Any], name: str, words: list[str]
) -> None:
    assert document["components"]["schemas"][name]["enum"] == words


async def test_a_field_that_is_a_text_or_an_object_is_a_union_of_both(document: dict[str, Any]) -> None:
    """With anyOf, openapi-generator's TypeScript client would know the object only."""
    items = document["components"]["schemas"]["ReportBody"]["properties"]["outline"]["items"]

    assert [each.get("type", each.get("$ref")) for each in items["oneOf"]] == [
        "string",
        "#/components/schemas/SectionBody",
    ]


async def test_everything_is_described_in_plain_paragraphs(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    described = [found["description"] for found in _objects(document) if isinstance(found.get("description"), str)]
    assert [text for text in described if re.search(r"^ {4}", text, re.MULTILINE)] == []


async def test_optional_fields_of_bodies_are_optional_to_client_generators(document: dict[str, Any]) -> None:
    """Some client generators treat fields with a default as required."""
    schemas = document["components"]["schemas"]

    # A field that is called so is an object.
    assert [found for found in _objects(schemas) if not isinstance(found.get("default", {}), dict)] == []
    assert schemas["ReportBody"]["properties"]["length"]["description"].endswith("If left out: `standard`.")
    assert schemas["GenerationBody"]["required"] == ["prompt"]


async def test_fields_that_a_response_always_has_are_required(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["GenerationAccepted"]["required"] == ["generationId", "status"]
    assert schemas["Ready"]["required"] == ["status", "redis", "worker"]


async def test_patterns_use_only_syntax_that_every_language_has(document: dict[str, Any]) -> None:
    patterns = {found["pattern"] for found in _objects(document) if isinstance(found.get("pattern"), str)}

    assert r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$" in patterns
    assert [pattern for pattern in patterns if "(?" in pattern] == []


async def test_a_webhook_shares_no_tag_with_an_operation(document: dict[str, Any]) -> None:
    """Client generators write one class for each tag; for a shared tag, the second class would overwrite the first."""
    tags = {tag for item in document["paths"].values() for operation in item.values() for tag in operation["tags"]}
    received = {tag for item in document["webhooks"].values() for each in item.values() for tag in each.get("tags", ())}

    assert document["webhooks"].keys() == {"jobEnded"}
    assert tags & received == set()


@pytest.mark.parametrize("path", [each.path for each in RESOURCES])
async def test_the_prefer_header_is_declared(document: dict[str, Any], path: str) -> None:
    (job_path,) = (each for each in document["paths"] if re.fullmatch(rf"{path.rstrip('/')}/{{\w+}}/?", each))
    post, get = document["paths"][path]["post"], document["paths"][job_path]["get"]

    for operation in (post, get):
        assert "Prefer" in {parameter["name"] for parameter in operation["parameters"]}
        assert any("Preference-Applied" in answer.get("headers", {}) for answer in operation["responses"].values())
    job = get["responses"]["200"]["content"]["application/json"]["schema"]
    assert post["responses"]["2XX"]["content"]["application/json"]["schema"] == job


@EVERY_KIND
async def test_the_response_that_creates_a_job_links_to_every_operation_on_it(
    document: dict[str, Any], resource: Resource
) -> None:
    noun, named = resource.api.name, resource.api.id_name
    accepted = next(
        answer
        for status, answer in document["paths"][resource.path]["post"]["responses"].items()
        if status in {"201", "202"}
    )

    assert accepted["links"].keys() >= {f"{verb}{noun}" for verb in ("get", "stream", "cancel", "retry", "delete")}
    for link in accepted["links"].values():
        assert link["parameters"] == {named: f"$response.body#/{named}"}


async def test_an_image_is_declared_as_bytes(document: dict[str, Any]) -> None:
    answers = document["paths"]["/api/generation/{generationId}/images/{position}"]["get"]["responses"]

    declared = {"schema": {"type": "string", "format": "binary"}}
    for status in ("200", "206"):
        assert answers[status]["content"] == {"application/octet-stream": declared, "image/*": declared}
    assert "content" not in answers["304"]


async def test_request_errors_are_declared_everywhere(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["responses"].keys() >= {"400", "414", "431"}, operation["operationId"]


async def test_every_body_has_valid_examples(document: dict[str, Any]) -> None:
    contents = [
        found
        for found in _objects([document["paths"], document["webhooks"]])
        if "schema" in found and "in" not in found
    ]
    bodies = [found for found in contents if "$ref" in found["schema"]]
    assert bodies
    for body in bodies:
        schema = {**body["schema"], "components": document["components"]}
        for example in body["examples"].values():
            OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER).validate(example["value"])
