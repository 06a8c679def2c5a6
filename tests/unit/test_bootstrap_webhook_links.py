import pytest

from aether.api.kinds import KINDS
from aether.api.kinds.routers import controller_of
from aether.bootstrap.webhooks import job_link
from aether.domain.job import Kind


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("public_url", ["", "https://aether.example.com", "https://aether.example.com/"])
def test_links_lead_to_where_the_api_shows_a_job(kind: Kind, public_url: str) -> None:
    resource = KINDS[kind]
    path = f"{controller_of(resource).path}/4f9c{resource.ending}"

    assert job_link(public_url, kind, "4f9c") == public_url.rstrip("/") + path
