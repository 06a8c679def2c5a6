"""Templates on the wire: storing, reading, listing, copying and deleting them, in JSON and in Markdown."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from aether.domain.access import Scope
from aether.domain.job import Change, Status
from aether.domain.template import Template, TemplateSection
from tests.service.api_harness import ApiHarness, assert_field_error, finish_outline, finish_section
from tests.service.resources import UNKNOWN

Client = AsyncTestClient[Litestar]
BUILT_IN = ["brief", "comparison", "literature-review", "market", "post-mortem", "research"]
MARKET: dict[str, Any] = {
    "title": "Market brief",
    "description": "For a first look.",
    "variables": {"company": {"description": "The company.", "required": True}, "year": {"default": "2026"}},
    "defaults": {"tone": "dry", "length": "brief"},
    "sections": [
        {
            "title": "About {{company}}",
            "covers": "Products, {{year}}.",
            "instructions": "Be fair.",
            "length": "detailed",
        },
        {"title": "Outlook"},
    ],
    "freeSections": {"min": 1, "max": 3, "after": 1},
}
MARKDOWN = """# Market brief

For a first look.

## About {{company}}

Products, {{year}}.

Be fair.

## Outlook
"""
TEXT = "must be 1 to {} characters long, without the space around it"
PROBLEM = "urn:aether:problem:"


async def put_markdown(client: Client, text: str | bytes, content_type: str = "text/markdown") -> httpx.Response:
    return await client.put("/templates/market", content=text, headers={"Content-Type": content_type})


def broken(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["field"]: each["rule"] for each in answer.json()["errors"]}


async def test_a_template_is_stored_and_shown_as_it_was_given(client: Client) -> None:
    stored = await client.put("/templates/market-brief", json=MARKET)
    shown = (await client.get("/templates/market-brief")).json()

    assert (stored.status_code, stored.headers["Location"]) == (201, "/templates/market-brief@1")
    assert stored.json() == shown
    about = {"name": "market-brief", "version": 1, "reference": "market-brief@1", "source": "owner", "versions": [1]}
    variables = {"company": {"description": "The company."}, "year": {"default": "2026"}}
    assert {name: shown[name] for name in shown if name != "createdAt"} == MARKET | about | {"variables": variables}


async def test_a_changed_template_is_a_new_version_and_an_equal_one_is_not(client: Client) -> None:
    changed = MARKET | {"title": "Longer brief"}
    answers = [await client.put("/templates/market-brief", json=body) for body in (MARKET, MARKET, changed, changed)]

    assert [(each.status_code, each.headers["Location"]) for each in answers] == [
        (201, "/templates/market-brief@1"),
        (200, "/templates/market-brief@1"),
        (201, "/templates/market-brief@2"),
        (200, "/templates/market-brief@2"),
    ]
    titles = [(await client.get(f"/templates/market-brief{version}")).json()["title"] for version in ("", "@1", "@2")]
    assert titles == ["Longer brief", "Market brief", "Longer brief"]


async def test_markdown_is_another_form_of_a_template(client: Client) -> None:
    stored = await put_markdown(client, MARKDOWN, "text/markdown; charset=utf-8")
    shown = (await client.get("/templates/market")).json()
    again = await put_markdown(client, "\ufeff" + MARKDOWN)

    assert (stored.status_code, again.status_code) == (201, 200)
    assert (shown["title"], shown["description"], shown["variables"]) == (
        *("Market brief", "For a first look.", {"company": {}, "year": {}}),
    )
    assert shown["sections"] == [
        {"title": "About {{company}}", "covers": "Products, {{year}}.", "instructions": "Be fair."},
        {"title": "Outlook"},
    ]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/markdown", "text/markdown"),
        ("text/markdown, application/json;q=0.5", "text/markdown"),
        ("text/*", "text/markdown"),
        ("application/json, text/markdown", "application/json"),
        ("text/html, */*", "application/json"),
        ("application/json;q=0.9, */*;q=0.1", "application/json"),
    ],
)
async def test_a_template_is_shown_in_the_form_that_the_caller_prefers(client: Client, accept: str, form: str) -> None:
    stored = await client.put("/templates/market", json=MARKET, headers={"Accept": accept})
    shown = await client.get("/templates/market", headers={"Accept": accept})

    types = [each.headers["Content-Type"].partition(";")[0] for each in (stored, shown)]
    assert types == [form, form]
    assert "Accept" in shown.headers["Vary"]
    assert form == "application/json" or shown.text == MARKDOWN == stored.text


async def test_a_form_that_templates_do_not_have_is_not_acceptable(client: Client) -> None:
    answer = await client.get("/templates/brief", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.json()["type"]) == (406, f"{PROBLEM}not-acceptable")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
async def test_a_body_of_another_type_is_rejected(client: Client, content_type: str) -> None:
    answer = await put_markdown(client, MARKDOWN, content_type)

    assert (answer.status_code, answer.json()["type"]) == (415, f"{PROBLEM}unsupported-body")
    assert "application/json or text/markdown" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A\n", {"title": "is required"}),
        ("# T\n", {"sections": "must have at least 1 item"}),
        (
            "# T\n## {{a b}}\n",
            {"sections[0].title": "has {{a b}}, which is no variable; write the name alone, as in {{company}}"},
        ),
        (
            f"# T\n## {'A' * 201}\n",
            {"sections[0].title": TEXT.format(200)},
        ),
        ("# T\n" + "## A\n" * 21, {"sections": "must have at most 20 items"}),
        ("# T\n## A\x07\n", {"sections[0].title": "must not contain control characters"}),
    ],
)
async def test_markdown_keeps_the_rules_of_templates(client: Client, text: str, expected: dict[str, str]) -> None:
    assert broken(await put_markdown(client, text)) == expected


async def test_markdown_that_is_no_text_is_malformed(client: Client) -> None:
    answer = await put_markdown(client, b"# T\xff")

    assert (answer.status_code, answer.json()["type"]) == (400, f"{PROBLEM}malformed-body")


async def test_every_broken_rule_is_named(client: Client) -> None:
    body = {
        "title": " ",
        "variables": {"company": {"descripton": "x", "default": ""}},
        "defaults": {"grounding": "require", "length": "epic"},
        "sections": [{"title": "A", "kind": "questions", "evidence": True}, {"covers": "x" * 501}],
        "freeSections": {"min": 0, "max": 3, "after": 0},
    }

    rules = broken(await client.put("/templates/market", json=body))

    assert rules["sections[0].kind"].startswith("must be one of: written")
    assert {name: rule for name, rule in rules.items() if name != "sections[0].kind"} == {
        "title": TEXT.format(300),
        "variables.company.default": TEXT.format(500),
        "variables.company.descripton": "is not a known field; did you mean description?",
        "defaults.grounding": "is not a known field",
        "defaults.length": "must be one of: brief, standard, detailed",
        "sections[0].evidence": "is not a known field",
        "sections[1].title": "is required",
        "sections[1].covers": TEXT.format(500),
        "freeSections.min": "must be at least 1",
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"variables": {}}, "sections[0].title"),
        ({"freeSections": {"min": 3, "max": 2, "after": 0}}, "freeSections.max"),
        ({"sections": [{"title": "A", "optional": True}]}, "sections[0].optional"),
        ({"sections": []}, "sections"),
        ({"variables": {"2nd": {}}}, "variables"),
        ({"variables": {f"v{at}": {} for at in range(21)}}, "variables"),
    ],
)
async def test_rules_between_fields_are_checked(client: Client, change: dict[str, Any], field: str) -> None:
    assert field in broken(await client.put("/templates/market", json=MARKET | change))


@pytest.mark.parametrize("name", ["Market", "a_b", "a" * 65, "a@1", "a.b", "%20", "a%0A"])
async def test_a_name_has_small_letters_digits_and_hyphens(client: Client, name: str) -> None:
    put, get, delete = [
        await client.request(method, f"/templates/{name}", json=MARKET if method == "PUT" else None)
        for method in ("PUT", "GET", "DELETE")
    ]

    assert broken(put) == {"name": "must be 1 to 64 of a-z, 0-9 and hyphens"}
    assert [(each.status_code, each.json()["type"]) for each in (get, delete)] == [
        (404, f"{PROBLEM}unknown-template")
    ] * 2


async def test_a_template_that_is_too_large_is_rejected(client: Client) -> None:
    sections = [{"title": f"{at}" * 99, "covers": "語" * 500, "instructions": "語" * 1000} for at in range(20)]

    answer = await client.put("/templates/market", json={"title": "T", "sections": sections})

    assert_field_error(answer, "/templates/market", "$", "must be at most 65,536 bytes as JSON")


async def test_a_list_has_the_templates_of_the_caller_and_of_the_server_by_name(client: Client) -> None:
    await client.put("/templates/market-brief", json=MARKET)
    await client.put("/templates/market", json=MARKET)
    first = (await client.get("/templates?limit=5")).json()
    rest = (await client.get(f"/templates?limit=5&cursor={first['nextCursor']}")).json()

    names = {each["name"]: each["source"] for each in first["templates"] + rest["templates"]}
    assert list(names) == sorted([*BUILT_IN, "market-brief"])
    assert (names["brief"], names["market"], names["market-brief"]) == ("builtIn", "owner", "owner")
    assert (len(first["templates"]), "nextCursor" in rest) == (5, False)
    (line,) = (each for each in first["templates"] if each["name"] == "market")
    assert line["reference"] == "market@1"
    assert (line["title"], line["description"]) == ("Market brief", "For a first look.")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "cursors=x"])
async def test_parameters_of_the_list_are_checked(client: Client, query: str) -> None:
    assert query.partition("=")[0] in broken(await client.get(f"/templates?{query}"))


async def test_a_template_of_the_caller_replaces_one_of_the_server_until_it_is_deleted(client: Client) -> None:
    before = (await client.get("/templates/brief")).json()
    await client.put("/templates/brief", json=MARKET)
    owned = (await client.get("/templates/brief")).json()
    other_version = await client.get("/templates/brief@2")
    deleted = await client.delete("/templates/brief")
    after = (await client.get("/templates/brief@1")).json()

    assert (before["source"], "createdAt" in before, owned["source"]) == ("builtIn", False, "owner")
    assert (other_version.status_code, deleted.status_code, after) == (404, 204, before)


async def test_a_template_of_the_server_cannot_be_deleted(client: Client) -> None:
    answer = await client.delete("/templates/brief")

    assert (answer.status_code, answer.json()["type"]) == (409, f"{PROBLEM}read-only-template")


async def test_one_version_can_be_deleted(client: Client) -> None:
    for title in ("One", "Two", "Three"):
        await client.put("/templates/market-brief", json=MARKET | {"title": title})

    answers = [(await client.delete("/templates/market-brief@3")).status_code for _ in range(2)]
    shown = (await client.get("/templates/market-brief")).json()

    assert (answers, shown["title"], shown["versions"]) == ([204, 404], "Two", [1, 2])


async def test_a_template_is_made_from_a_report(client: Client, harness: ApiHarness) -> None:
    request = b'{"topic":"Rome","tone":"dry","instructions":"Mention salt."}'
    await harness.create_report(request=request)
    changes = (finish_outline("Rise", "Fall"), finish_section(0, "It rose."), finish_section(1, "It fell."))
    await harness.process(UNKNOWN, *changes, Change(status=Status.COMPLETED))

    copied, again = [
        await client.post("/templates", json={"fromReport": UNKNOWN, "name": "like-rome"}) for _ in range(2)
    ]

    assert (copied.status_code, copied.headers["Location"], again.status_code) == (201, "/templates/like-rome@1", 200)
    shown = copied.json()
    assert shown["sections"] == [{"title": "Rise"}, {"title": "Fall"}]
    assert (shown["title"], shown["defaults"]) == ("Rome", {"tone": "dry", "instructions": "Mention salt."})


async def test_a_report_without_an_end_or_of_another_owner_makes_no_template(
    client: Client, harness: ApiHarness
) -> None:
    other = UNKNOWN.replace("0", "1")
    await harness.create_report()
    await harness.create_report(other, owner="eve")

    answers = [
        await client.post("/templates", json={"fromReport": job_id, "name": "like-rome"})
        for job_id in (UNKNOWN, other, UNKNOWN.replace("0", "2"), "x")
    ]

    unknown = "must be the id of a report of yours"
    rules = [broken(each)["fromReport"] for each in answers]
    assert rules == ["must be the id of a report that has completed", unknown, unknown, unknown]
    assert harness.templates.templates == {}


async def test_scopes_are_those_of_jobs(client: Client, harness: ApiHarness) -> None:
    writer, reader = [await harness.authorization(f"ada-{scope}", scope) for scope in (Scope.WRITE, Scope.READ)]

    denied = [await client.request(each, "/templates/a", json=MARKET, headers=reader) for each in ("PUT", "DELETE")]
    stored = await client.put("/templates/a", json=MARKET, headers=writer)
    shown = await client.get("/templates/brief", headers=reader)

    assert [each.status_code for each in (*denied, stored, shown)] == [403, 403, 201, 200]


async def test_more_templates_than_the_limit_are_a_conflict(client: Client, harness: ApiHarness) -> None:
    for number in range(100):
        await harness.templates.put("local", f"brief-{number}", Template("T", (TemplateSection("A"),)))

    answer = await client.put("/templates/one-more", json=MARKET)

    assert (answer.status_code, answer.json()["type"]) == (409, f"{PROBLEM}template-limit")
    assert answer.json()["detail"].startswith("There are 100 templates already")
