from aether.api.checklists import Checklists
from aether.api.generations import Generations
from aether.api.reports import Reports
from aether.webhooks.payload import PATHS


def test_links_lead_to_where_the_api_shows_a_job() -> None:
    resources = (Reports, Checklists, Generations)

    assert {each.kind: f"{each.path}/{{}}{each.ending}" for each in resources} == PATHS
