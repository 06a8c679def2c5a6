"""Health checks: liveness of the process, and readiness with what is missing."""

import pytest

from aether.api.state import Readiness
from tests.service.api_harness import ApiHarness


async def test_a_process_is_live_even_if_it_is_not_ready() -> None:
    async with ApiHarness(readiness=Readiness("Redis does not answer")).client() as client:
        answer = await client.get("/health/live")

    assert (answer.status_code, answer.text) == (200, '{"status":"ok"}')


async def test_ready_with_a_store_and_a_worker() -> None:
    async with ApiHarness().client() as client:
        answer = await client.get("/health/ready")

    assert (answer.status_code, answer.text) == (200, '{"status":"ready","redis":"ok","worker":"ok"}')


@pytest.mark.parametrize("missing", ["Redis does not answer", "Redis is full", "no worker was seen lately"])
async def test_not_ready_says_what_is_missing(missing: str) -> None:
    async with ApiHarness(readiness=Readiness(missing)).client() as client:
        answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aether:problem:not-ready")
    assert answer.json()["detail"] == f"No job can be done now: {missing}."
    assert answer.headers["Retry-After"] == "5"
