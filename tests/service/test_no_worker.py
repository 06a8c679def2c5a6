"""A service whose API runs without a worker accepts jobs, and says of each what it waits for."""

from collections.abc import Iterator

import pytest

from tests.service.resources import CHECKLISTS, GENERATIONS, REPORTS, Resource
from tests.service.stack import Stack


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """API, store and model, and no worker."""
    with Stack(tmp_path_factory.mktemp("alone")) as stack:
        yield stack


def waiting_for(stack: Stack, resource: Resource, job_id: str) -> object:
    return stack.http.get(resource.url(job_id)).json().get(resource.name("waiting_for"))


@pytest.mark.parametrize("resource", [REPORTS, CHECKLISTS, GENERATIONS], ids=repr)
def test_a_job_says_that_it_waits_for_a_worker_until_one_comes(alone: Stack, resource: Resource) -> None:
    accepted = alone.http.post(resource.path, json=resource.body).json()
    job_id = next(value for name, value in accepted.items() if name.lower().endswith("id"))
    before = waiting_for(alone, resource, job_id)

    worker = alone.ready(alone.start_worker())
    while (job := alone.http.get(resource.url(job_id), headers={"Prefer": "wait=10"}).json())["status"].lower() in {
        "pending",
        "processing",
        "running",
    }:
        assert resource.name("waiting_for") not in job
    worker.end()

    assert before == "worker"
    assert job["status"].lower() in {"completed", "succeeded", "complete"}
    assert resource.name("waiting_for") not in job
    assert alone.http.get("/health/ready").status_code == 503
