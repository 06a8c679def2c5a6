"""A service whose API runs without a worker accepts jobs, and says of each what it waits for."""

import pytest

from tests.service.resources import CHECKLISTS, GENERATIONS, REPORTS, Resource
from tests.service.stack import Stack
from tests.waiting import until


def waiting_for(stack: Stack, resource: Resource, job_id: str) -> object:
    return stack.http.get(resource.url(job_id)).json().get(resource.name("waiting_for"))


@pytest.mark.parametrize("resource", [REPORTS, CHECKLISTS, GENERATIONS], ids=repr)
def test_a_job_says_that_it_waits_for_a_worker_until_one_comes(bare: Stack, resource: Resource) -> None:
    accepted = bare.http.post(resource.path, json=resource.body).json()
    job_id = next(value for name, value in accepted.items() if name.lower().endswith("id"))
    # A worker that an earlier test has killed counts until its heartbeat expires.
    until(lambda: waiting_for(bare, resource, job_id) == "worker")

    worker = bare.ready(bare.start_worker())
    while (job := bare.http.get(resource.url(job_id), headers={"Prefer": "wait=10"}).json())["status"].lower() in {
        "pending",
        "processing",
        "running",
    }:
        assert resource.name("waiting_for") not in job
    worker.end()

    assert job["status"].lower() in {"completed", "succeeded", "complete"}
    assert resource.name("waiting_for") not in job
    assert bare.http.get("/health/ready").status_code == 503
