"""The OpenAPI document is right, and the page that shows it needs nothing from elsewhere."""

import re
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from aether.api.problems import JOB_PROBLEMS, PROBLEMS
from tests.service.api_client import House


@pytest.fixture
async def document() -> dict[str, Any]:  # Any: JSON
    async with House().client() as client:
        answer = await client.get("/schema/openapi.json")
    document: dict[str, Any] = msgspec.json.decode(answer.content)
    return document


def _objects(value: Any) -> list[dict[str, Any]]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(found for each in below for found in _objects(each))]


async def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/"}]


async def test_operations_are_named_as_methods_of_a_client(document: dict[str, Any]) -> None:
    named = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    assert named == {
        "POST /reports": "createReport",
        "GET /reports/{jobId}": "getReport",
        "DELETE /reports/{jobId}": "deleteReport",
        "POST /reports/{jobId}/cancel": "cancelReport",
        "POST /reports/{jobId}/retry": "retryReport",
        "GET /health/live": "getLiveness",
        "GET /health/ready": "getReadiness",
    }


async def test_every_error_is_a_problem_with_an_example_of_its_own_status(document: dict[str, Any]) -> None:
    for operation in (operation for item in document["paths"].values() for operation in item.values()):
        for status, answer in operation["responses"].items():
            if status >= "400":
                (content,) = answer["content"].items()
                assert content[0] == "application/problem+json"
                assert content[1]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                assert {str(example["value"]["status"]) for example in content[1]["examples"].values()} == {status}


async def test_the_answers_of_a_report_are_told_apart_by_status(document: dict[str, Any]) -> None:
    job = document["components"]["schemas"]["ReportJob"]

    assert len(job["oneOf"]) == 4
    assert set(job["discriminator"]["mapping"]) == {"pending", "processing", "completed", "failed", "cancelled"}
    got = document["paths"]["/reports/{jobId}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert got["schema"] == {"$ref": "#/components/schemas/ReportJob"}


async def test_limits_of_texts_are_declared(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["ReportBody"]

    topic = body["properties"]["topic"]
    assert (topic["minLength"], topic["maxLength"]) == (1, 300)
    assert body["properties"]["instructions"]["maxLength"] == 2_000
    assert body["additionalProperties"] is False
    assert body["required"] == ["topic"]


async def test_absent_fields_are_optional_and_not_null(document: dict[str, Any]) -> None:
    assert not [
        found for found in _objects(document["components"]) if len(found.get("oneOf", found.get("anyOf", "ab"))) == 1
    ]
    assert "null" not in msgspec.json.encode(document["components"]).decode()


async def test_every_body_has_examples_that_fit_its_schema(document: dict[str, Any]) -> None:
    bodies = [found for found in _objects(document["paths"]) if "schema" in found and "$ref" in found["schema"]]
    assert bodies
    for body in bodies:
        schema = {**body["schema"], "components": document["components"]}
        for example in body["examples"].values():
            OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER).validate(example["value"])


async def test_every_problem_type_is_listed(document: dict[str, Any]) -> None:
    listed = set(re.findall(r"`urn:aether:problem:([a-z-]+)`", document["info"]["description"]))

    assert listed == {kind.word for kind in PROBLEMS.values()} | set(JOB_PROBLEMS)


async def test_the_page_and_its_files_come_from_here_alone() -> None:
    async with House().client() as client:
        page = await client.get("/docs")
        named = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
        files = {name: await client.get(name) for name in named if not name.startswith("data:")}

    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert not re.search(r"https?://|<script>|<style>|\son\w+=", page.text)
    assert [answer.status_code for answer in files.values()] == [200] * 4
    kept = [answer.headers["Cache-Control"] for name, answer in files.items() if name.startswith("/docs/")]
    assert kept == ["public, max-age=31536000, immutable"] * 3


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_files_are_compressed_for_those_who_take_it(accepted: str, encoding: str | None) -> None:
    async with House().client() as client:
        page = await client.get("/docs")
        (style,) = re.findall(r'stylesheet" href="([^"]+)"', page.text)
        answer = await client.get(style, headers={"Accept-Encoding": accepted})

    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Type"].startswith("text/css")
    assert ".swagger-ui" in answer.text
