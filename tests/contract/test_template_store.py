"""Template store: what every implementation promises."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aether.adapters.redis.keys import RETIRED_MS, TEMPLATE, TEMPLATES
from aether.adapters.redis.templates import RedisTemplates
from aether.domain.report_request import Length
from aether.domain.template import (
    MAX_TEMPLATES,
    MAX_VERSIONS,
    Template,
    TemplateReference,
    TemplateSection,
    TemplateVariable,
    TemplateVersion,
)
from aether.domain.template_rules import encode_template
from aether.errors import StoreUnavailableError, TemplateLimitError, UnknownTemplateError
from aether.services.templates import TemplateStore
from tests.fake_templates import MemoryTemplates

BRIEF = Template(
    "Market brief",
    (TemplateSection("About {{company}}", covers="Products.", length=Length.BRIEF), TemplateSection("Rivals")),
    description="For a first look.",
    variables={"company": TemplateVariable(), "year": TemplateVariable(default="2026")},
)
NEWER = replace(BRIEF, title="Longer market brief")
BRIEFS = TemplateReference("brief")


def version(number: int) -> TemplateReference:
    return TemplateReference("brief", number)


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def store(request: pytest.FixtureRequest) -> TemplateStore:
    if request.param == "memory":
        return MemoryTemplates()
    return RedisTemplates(request.getfixturevalue(f"{request.param}_client"))


def content(found: TemplateVersion) -> bytes:
    """Return the template as it is stored; one that was read has a class of its own."""
    return encode_template(found.template)


async def loaded(store: TemplateStore, reference: TemplateReference = BRIEFS, owner: str = "ada") -> TemplateVersion:
    found = await store.load(owner, reference)
    assert found
    return found


async def test_a_stored_template_is_found_as_it_was_given(store: TemplateStore) -> None:
    stored = await store.put("ada", "brief", BRIEF)

    found = await loaded(store)

    assert (stored.is_new, stored.version) == (True, replace(found, template=BRIEF))
    assert (found.reference, found.versions, content(found)) == ("brief@1", (1,), encode_template(BRIEF))
    assert found.created_at


async def test_another_content_is_a_new_version_beside_the_old_ones(store: TemplateStore) -> None:
    for template in (BRIEF, NEWER, BRIEF):
        assert (await store.put("ada", "brief", template)).is_new

    contents = [content(await loaded(store, version(number))) for number in (1, 2, 3)]
    newest = await loaded(store)

    assert contents == [*map(encode_template, (BRIEF, NEWER, BRIEF))]
    assert (newest.version, newest.versions) == (3, (1, 2, 3))


async def test_the_newest_content_again_is_the_same_version(store: TemplateStore) -> None:
    first = await store.put("ada", "brief", BRIEF)
    reordered = replace(BRIEF, variables=dict(reversed(BRIEF.variables.items())))

    again = await store.put("ada", "brief", reordered)

    assert (again.is_new, again.version.reference, again.version.created_at) == (
        *(False, "brief@1", first.version.created_at),
    )


async def test_a_template_of_another_owner_or_name_is_none(store: TemplateStore) -> None:
    await store.put("a", "brief", BRIEF)

    for owner, name in (("b", "brief"), ("a", "briefs"), ("a:b", "brief"), ("", "brief")):
        assert await store.load(owner, TemplateReference(name)) is None
        assert await store.load(owner, TemplateReference(name, 1)) is None
        assert not await store.delete(owner, TemplateReference(name))


async def test_a_version_that_the_template_does_not_have_is_unknown(store: TemplateStore) -> None:
    await store.put("ada", "brief", BRIEF)

    with pytest.raises(UnknownTemplateError):
        await store.load("ada", version(2))
    assert not await store.delete("ada", version(2))


async def test_lists_have_the_newest_version_of_each_template(store: TemplateStore) -> None:
    await store.put("ada", "brief", BRIEF)
    await store.put("ada", "brief", NEWER)
    await store.put("ada", "plain", replace(BRIEF, description=msgspec.UNSET))
    await store.put("eve", "other", BRIEF)

    listed = sorted(await store.list("ada"), key=lambda each: each.name)

    assert listed == [(await loaded(store)).summary, (await loaded(store, TemplateReference("plain"))).summary]
    assert [(each.name, each.version, each.title) for each in listed] == [
        ("brief", 2, NEWER.title),
        ("plain", 1, BRIEF.title),
    ]
    assert await store.list("nobody") == []


async def test_a_deleted_version_leaves_the_others(store: TemplateStore) -> None:
    for number in range(4):
        await store.put("ada", "brief", replace(BRIEF, title=f"Brief {number}"))

    assert await store.delete("ada", version(2))
    assert await store.delete("ada", version(4))
    found = await loaded(store)

    assert (found.version, found.versions, found.template.title) == (3, (1, 3), "Brief 2")
    (listed,) = await store.list("ada")
    assert listed == found.summary


async def test_a_template_ends_with_its_last_version(store: TemplateStore) -> None:
    await store.put("ada", "brief", BRIEF)

    assert await store.delete("ada", version(1))

    assert await store.load("ada", BRIEFS) is None
    assert await store.list("ada") == []
    assert not await store.delete("ada", BRIEFS)


async def test_no_number_is_given_twice(store: TemplateStore) -> None:
    for template in (BRIEF, NEWER):
        await store.put("ada", "brief", template)
    await store.delete("ada", version(2))
    third = await store.put("ada", "brief", NEWER)
    await store.delete("ada", BRIEFS)
    fourth = await store.put("ada", "brief", BRIEF)

    assert (third.version.version, fourth.version.version, fourth.version.versions) == (3, 4, (4,))


async def test_versions_that_are_stored_at_once_get_numbers_of_their_own(store: TemplateStore) -> None:
    changed = [replace(BRIEF, title=f"Brief {number}") for number in range(30)]

    stored = await asyncio.gather(*(store.put("ada", "brief", template) for template in changed))

    assert sorted(each.version.version for each in stored) == [*range(1, 31)]
    for each in stored:
        assert content(await loaded(store, version(each.version.version))) == content(each.version)


async def test_equal_contents_at_once_are_one_version(store: TemplateStore) -> None:
    stored = await asyncio.gather(*(store.put("ada", "brief", BRIEF) for _ in range(20)))

    assert [each.is_new for each in stored].count(True) == 1
    assert {each.version.reference for each in stored} == {"brief@1"}


async def test_an_owner_has_no_more_templates_than_the_limit_also_if_they_are_stored_at_once(
    store: TemplateStore,
) -> None:
    names = [f"brief-{number}" for number in range(MAX_TEMPLATES + 10)]

    results = await asyncio.gather(*(store.put("ada", name, BRIEF) for name in names), return_exceptions=True)

    refused = [each for each in results if isinstance(each, TemplateLimitError)]
    assert (len(refused), len(await store.list("ada"))) == (10, MAX_TEMPLATES)
    assert "100 templates" in str(refused[0])
    taken = (await store.list("ada"))[0].name
    assert (await store.put("ada", taken, NEWER)).version.version == 2
    await store.delete("ada", TemplateReference(taken))
    assert (await store.put("ada", "another", BRIEF)).is_new
    assert (await store.put("eve", "brief", BRIEF)).is_new


async def test_a_template_has_no_more_versions_than_the_limit(store: TemplateStore) -> None:
    changed = [replace(BRIEF, title=f"Brief {number}") for number in range(MAX_VERSIONS + 5)]

    results = await asyncio.gather(*(store.put("ada", "brief", each) for each in changed), return_exceptions=True)

    assert [isinstance(each, TemplateLimitError) for each in results].count(True) == 5
    newest = await loaded(store)
    assert newest.versions == tuple(range(1, MAX_VERSIONS + 1))
    assert not (await store.put("ada", "brief", newest.template)).is_new
    await store.delete("ada", version(1))
    assert (await store.put("ada", "brief", BRIEF)).version.version == MAX_VERSIONS + 1


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_store_that_does_not_answer_says_so(kind: str) -> None:
    nowhere = Redis(unix_socket_path="/nowhere/valkey.sock")
    store: TemplateStore = MemoryTemplates(is_unavailable=True) if kind == "memory" else RedisTemplates(nowhere)

    for call in (
        lambda: store.put("ada", "brief", BRIEF),
        lambda: store.load("ada", BRIEFS),
        lambda: store.list("ada"),
        lambda: store.delete("ada", BRIEFS),
    ):
        with pytest.raises(StoreUnavailableError):
            await call()


async def test_templates_do_not_expire_but_the_number_of_a_deleted_one_does(valkey_client: Redis) -> None:
    store, key = RedisTemplates(valkey_client), f"{TEMPLATE}brief:ada"
    await store.put("ada", "brief", BRIEF)
    await store.delete("ada", BRIEFS)

    # redis-py types the answers of its two kinds of client as one.
    kept = await valkey_client.hgetall(key)  # type: ignore[misc]
    retired_ms = await valkey_client.pttl(key)
    names = await valkey_client.keys()
    await store.put("ada", "brief", BRIEF)
    lives = [await valkey_client.pttl(each) for each in (key, f"{TEMPLATES}ada")]

    assert (kept, names, lives) == ({b"last": b"1"}, [key.encode()], [-1, -1])
    assert 0 < retired_ms <= RETIRED_MS


async def test_a_template_of_a_newer_version_is_shown(fakeredis_client: Redis) -> None:
    store = RedisTemplates(fakeredis_client)
    await store.put("ada", "brief", BRIEF)
    newer = {
        "title": "Brief " * 100,
        "sections": [{"title": "Costs", "kind": "comparison", "items": ["a"], "length": "epic"}],
        "footnotes": True,
    }
    content = {"content:1": msgspec.json.encode(newer), "head:1": b'{"title":"Brief","icon":"x"}'}
    # As above.
    await fakeredis_client.hset(f"{TEMPLATE}brief:ada", mapping=content)  # type: ignore[misc]

    found = await loaded(store)
    (listed,) = await store.list("ada")

    assert (found.template.title, listed.title) == ("Brief " * 100, "Brief")
    assert [(each.title, each.kind, each.length) for each in found.template.sections] == [
        ("Costs", "comparison", "epic")
    ]
