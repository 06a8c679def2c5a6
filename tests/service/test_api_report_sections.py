"""Planned sections and templates in the request for a report: what is stored, what is rejected, and repetitions."""

from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Scope
from tests.service.api_harness import ApiHarness

Client = AsyncTestClient[Litestar]
PLANNED = {"title": "Fall", "covers": "How it ended.", "instructions": "Name dates.\nMany.", "length": "brief"}
TEMPLATE: dict[str, Any] = {
    "title": "Market brief",
    "variables": {"company": {}, "rival": {"required": False}},
    "defaults": {"tone": "dry", "length": "brief", "instructions": "Write for {{company}}."},
    "sections": [
        {"title": "About {{company}}", "length": "detailed"},
        {"title": "{{company}} or {{rival}}", "optional": True},
        {"title": "Outlook"},
    ],
}
ACME = {"topic": "Bicycles", "template": "market-brief", "variables": {"company": "ACME"}}
KEY = {"Idempotency-Key": "k"}


async def ask(client: Client, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await client.post("/reports", json=body, headers=headers)


def stored(harness: ApiHarness, answer: httpx.Response) -> dict[str, Any]:
    """Return the request as the worker reads it."""
    assert answer.status_code == 202, answer.text
    request: dict[str, Any] = msgspec.json.decode(harness.store.jobs[answer.json()["jobId"]].input)
    return request


def broken(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["field"]: each["rule"] for each in answer.json()["errors"]}


@pytest.fixture
async def templated(client: Client) -> Client:
    """A client whose owner has the template."""
    assert (await client.put("/templates/market-brief", json=TEMPLATE)).status_code == 201
    return client


async def test_an_outline_holds_titles_and_planned_sections(client: Client, harness: ApiHarness) -> None:
    request = stored(harness, await ask(client, {"topic": "Rome", "outline": ["Rise", PLANNED]}))

    assert request == {
        "topic": "Rome",
        "outline": ["Rise", "Fall"],
        "plan": {"sections": [{"title": "Rise"}, PLANNED]},
    }


async def test_planned_sections_without_wishes_are_stored_as_titles(client: Client, harness: ApiHarness) -> None:
    request = stored(harness, await ask(client, {"topic": "Rome", "outline": ["Rise", {"title": " Fall "}]}))

    assert request == {"topic": "Rome", "outline": ["Rise", "Fall"]}


@pytest.mark.parametrize(
    ("section", "field", "rule"),
    [
        ({}, "outline[1].title", "is required"),
        ({"title": " "}, "outline[1].title", "must be 1 to 200 characters long, without the space around it"),
        ({"title": "**"}, "outline[1].title", "must hold words, not only marks"),
        ({"title": "A\nB"}, "outline[1].title", "must not contain control characters"),
        (PLANNED | {"length": "epic"}, "outline[1].length", "must be one of: brief, standard, detailed"),
        (PLANNED | {"cover": "x"}, "outline[1].cover", "is not a known field; did you mean covers?"),
        (
            PLANNED | {"instructions": "x" * 1001},
            "outline[1].instructions",
            "must be 1 to 1000 characters long, without the space around it",
        ),
        (7, "outline[1]", "must be a string or an object, not a whole number"),
        (["Fall"], "outline[1]", "must be a string or an object, not a list"),
    ],
)
async def test_a_broken_rule_of_a_planned_section_is_named_with_its_place(
    client: Client, section: object, field: str, rule: str
) -> None:
    assert broken(await ask(client, {"topic": "Rome", "outline": ["Rise", section]})) == {field: rule}


async def test_a_template_is_stored_resolved(templated: Client, harness: ApiHarness) -> None:
    request = stored(harness, await ask(templated, ACME))

    assert request == {
        "topic": "Bicycles",
        "tone": "dry",
        "length": "brief",
        "instructions": "Write for ACME.",
        "outline": ["About ACME", "Outlook"],
        "plan": {"sections": [{"title": "About ACME", "length": "detailed"}, {"title": "Outlook"}]},
        "template": "market-brief@1",
    }


async def test_fields_of_the_request_take_precedence_over_defaults(templated: Client, harness: ApiHarness) -> None:
    own = {"tone": "warm", "length": "standard", "instructions": "Mention salt.", "audience": "children"}

    request = stored(harness, await ask(templated, ACME | own))

    assert (request["tone"], request["instructions"], request["audience"]) == ("warm", "Mention salt.", "children")
    assert "length" not in request  # the default of reports


async def test_free_sections_leave_the_outline_to_the_model(templated: Client, harness: ApiHarness) -> None:
    await templated.put("/templates/free", json=TEMPLATE | {"freeSections": {"min": 1, "max": 3, "after": 2}})

    answer = await ask(templated, ACME | {"template": "free@1"})

    request = stored(harness, answer)
    assert "outline" not in request  # versions that do not know plans ask the model for all sections
    assert request["plan"]["free"] == {"min": 1, "max": 3, "after": 1}
    (step,) = (await templated.get(answer.headers["Location"])).json()["steps"]
    assert step["name"] == "outline"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"variables": {}}, {"variables.company": "is required by the template"}),
        (
            {"variables": {"compny": "A"}},
            {
                "variables.compny": "is no variable of this template, which has: company, rival",
                "variables.company": "is required by the template",
            },
        ),
        ({"variables": {"company": "A" * 501}}, {"variables.company": "must be 1 to 500 characters long, "}),
        ({"variables": {"company": ""}}, {"variables.company": "must be 1 to 500 characters long, "}),
        ({"variables": {"company": "A\nB"}}, {"variables.company": "must not contain control characters"}),
        ({"variables": {"company": 5}}, {"variables": "has a value that must be a string, not a whole number"}),
        (
            {"variables": {"company": "A" * 200}},
            {"variables.company": "leads to a sections[0].title that breaks a rule"},
        ),
        ({"outline": ["Rise"]}, {"outline": "must not be given with a template, which has its own sections"}),
        ({"sections": 3}, {"sections": "must not be given with a template, which has its own sections"}),
        ({"template": "market-brief@2"}, {"template": "must name a template of yours or of the server"}),
        ({"template": "nobodys"}, {"template": "must name a template of yours or of the server"}),
        ({"template": "No Name"}, {"template": "must name a template of yours or of the server"}),
    ],
)
async def test_what_does_not_fit_the_template_is_rejected(
    templated: Client, harness: ApiHarness, change: dict[str, Any], expected: dict[str, str]
) -> None:
    rules = broken(await ask(templated, ACME | change))

    assert rules.keys() == expected.keys()
    assert [name for name, rule in expected.items() if not rules[name].startswith(rule)] == []
    assert harness.store.jobs == {}


async def test_variables_need_a_template(client: Client) -> None:
    answer = await ask(client, {"topic": "Rome", "variables": {"company": "ACME"}})

    assert broken(answer) == {"variables": "must not be given without a template"}


async def test_a_template_of_another_owner_is_as_unknown_as_none(client: Client, harness: ApiHarness) -> None:
    ada, eve = [await harness.authorization(owner, Scope.WRITE) for owner in ("ada", "eve")]
    await client.put("/templates/adas-brief", json=TEMPLATE, headers=ada)

    answers = [await ask(client, ACME | {"template": name}, **eve) for name in ("adas-brief", "adas-report")]

    assert answers[0].content == answers[1].content
    assert answers[0].status_code == 422


async def test_a_later_change_or_deletion_of_the_template_does_not_change_the_job(
    templated: Client, harness: ApiHarness
) -> None:
    answer = await ask(templated, ACME)
    before = stored(harness, answer)

    await templated.put("/templates/market-brief", json=TEMPLATE | {"sections": [{"title": "Other"}]})
    await templated.delete("/templates/market-brief")

    assert stored(harness, answer) == before
    shown = (await templated.get(answer.headers["Location"])).json()
    assert shown["partial"]["outline"] == ["I. About ACME", "II. Outlook"]
    assert shown["template"] == "market-brief@1"


@pytest.mark.parametrize("change", ["PUT", "DELETE"])
async def test_a_repeated_request_gets_the_first_answer_whatever_has_become_of_the_template(
    templated: Client, harness: ApiHarness, change: str
) -> None:
    first = await ask(templated, ACME, **KEY)
    body = TEMPLATE | {"sections": [{"title": "Other"}]} if change == "PUT" else None
    await templated.request(change, "/templates/market-brief", json=body)

    again = await ask(templated, ACME, **KEY)
    other = await ask(templated, ACME | {"variables": {"company": "Globex"}}, **KEY)

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (other.status_code, other.json()["type"]) == (422, "urn:aether:problem:idempotency-key-reused")
    assert len(harness.store.jobs) == 1


@pytest.mark.parametrize("name", ["brief", "research", "comparison", "literature-review", "post-mortem", "market"])
async def test_every_built_in_template_makes_a_report(client: Client, harness: ApiHarness, name: str) -> None:
    variables = {"first": "Cats", "second": "Dogs"} if name == "comparison" else {}

    request = stored(harness, await ask(client, {"topic": "Pets", "template": name, "variables": variables}))

    assert request["template"] == f"{name}@1"
    assert len(request["plan"]["sections"]) >= 4


DERIVING = TEMPLATE | {"sections": [{"title": "Summary", "kind": "summary"}, *TEMPLATE["sections"]]}


@pytest.mark.parametrize(
    ("own", "expected"),
    [({}, True), ({"summary": False}, None), ({"summary": {"words": 90}}, {"words": 90}), ({"glossary": True}, True)],
)
async def test_derived_sections_of_a_template_are_those_of_the_request_unless_it_says_otherwise(
    client: Client, harness: ApiHarness, own: dict[str, Any], expected: object
) -> None:
    await client.put("/templates/market-brief", json=DERIVING)

    request = stored(harness, await ask(client, ACME | own))

    assert request["outline"] == ["About ACME", "Outlook"]
    assert (request.get("summary"), request.get("glossary")) == (expected, own.get("glossary"))
