"""The problems in the OpenAPI document: those of each operation, and the list of all types."""

import re
from typing import Any

import pytest

from aether.api.http.job_problems import JOB_PROBLEMS
from aether.api.http.problems import PROBLEMS
from aether.api.kinds.image.errors import NoImageModelError, UnknownImageError


async def test_every_error_is_a_problem_with_an_example_of_its_own_status(document: dict[str, Any]) -> None:
    for operation in (operation for item in document["paths"].values() for operation in item.values()):
        for status, answer in operation["responses"].items():
            if status >= "400":
                (content,) = answer["content"].items()
                assert content[0] == "application/problem+json"
                assert content[1]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
                assert {str(example["value"]["status"]) for example in content[1]["examples"].values()} == {status}


@pytest.mark.parametrize(
    ("operation", "instance", "field"),
    [
        ("post /jobs", "/jobs", "input_text"),
        ("post /api/generation", "/api/generation", "prompt"),
        ("get /reports", "/reports", "limit"),
        ("post /jobs/{event_id}/retry", "/jobs/0b0f9a52-5a3e-4f0c-9d1c-6f1f2f0c7a11/retry", "max_tokens"),
    ],
)
async def test_the_example_of_a_broken_rule_fits_the_operation(
    document: dict[str, Any], operation: str, instance: str, field: str
) -> None:
    method, path = operation.split()
    (content,) = document["paths"][path][method]["responses"]["422"]["content"].values()
    example = content["examples"]["invalid-field"]["value"]

    assert (example["instance"], [broken["field"] for broken in example["errors"]]) == (instance, [field])


@pytest.mark.parametrize(
    ("operation", "status", "words"),
    [
        ("get /reports/{jobId}", "404", {"unknown-job"}),
        ("get /webhooks/endpoint", "404", {"no-endpoint"}),
        ("get /webhooks/deliveries/{deliveryId}", "404", {"unknown-delivery"}),
        ("get /api/generation/{generationId}/images/{position}", "404", {"unknown-job", "unknown-image"}),
        ("get /reports", "400", {"bad-request"}),
        ("post /reports", "400", {"malformed-body", "bad-request"}),
        ("get /reports", "429", {"rate-limited"}),
        ("get /reports", "401", {"unauthenticated"}),
        ("get /reports", "403", {"forbidden"}),
        ("get /reports", "503", {"store-unavailable", "identity-provider-unavailable"}),
        ("post /jobs", "503", {"store-unavailable", "queue-full", "not-durable", "identity-provider-unavailable"}),
        ("get /health/ready", "503", {"not-ready"}),
    ],
)
async def test_an_operation_shows_the_problems_that_it_can_have(
    document: dict[str, Any], operation: str, status: str, words: set[str]
) -> None:
    method, path = operation.split()
    (content,) = document["paths"][path][method]["responses"][status]["content"].values()

    assert content["examples"].keys() == words


async def test_rate_limits_are_declared_for_every_limited_operation(document: dict[str, Any]) -> None:
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    limited = {each["operationId"]: each["responses"]["429"] for each in operations if "429" in each["responses"]}

    everything = {each["operationId"] for each in operations}
    assert everything - {"getLiveness", "getReadiness"} == limited.keys()
    header_types = {name: header["schema"]["type"] for name, header in limited["getReport"]["headers"].items()}
    assert header_types == {"Retry-After": "integer", "RateLimit-Policy": "string", "RateLimit": "string"}


async def test_every_problem_type_is_listed(document: dict[str, Any]) -> None:
    types = set(re.findall(r"`urn:aether:problem:([a-z-]+)`", document["info"]["description"]))

    of_images = {NoImageModelError.problem_type.word, UnknownImageError.problem_type.word}
    assert types == {kind.word for kind in PROBLEMS.values()} | of_images | set(JOB_PROBLEMS)
