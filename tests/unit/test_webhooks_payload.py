from aether.api.kinds.checklist.controller import Checklists
from aether.api.kinds.image.controller import Generations
from aether.api.kinds.report.controller import Reports
from aether.webhooks.payload import PATHS


def test_links_lead_to_where_the_api_shows_a_job() -> None:
    resources = (Reports, Checklists, Generations)

    assert {each.kind: f"{each.path}/{{}}{each.ending}" for each in resources} == PATHS
