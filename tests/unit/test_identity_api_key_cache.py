"""The keys as one process knows them: how old they may be, and what a look at the store costs."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from aether.domain.access import Caller, Quota, Scope
from aether.errors import InvalidCredentialError, StoreUnavailableError
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys, ApiKeySet
from tests.fake_keys import MemoryKeys
from tests.fakes import FastClock

HOUR = timedelta(hours=1)
NOBODYS = f"aether_{'a' * 12}_{'b' * 43}"


@dataclass
class SlowKeys(MemoryKeys):
    """A store that takes its time to say how it stands."""

    clock: FastClock = field(default_factory=FastClock)
    delay_s: float = 0.0

    @override
    async def version(self) -> int:
        version = await super().version()
        self.clock.seconds += self.delay_s
        return version


class Door:
    """A ring over a store that others change."""

    def __init__(self) -> None:
        self.clock = FastClock()
        self.store = SlowKeys(clock=self.clock)
        self.keys = ApiKeys(self.store, self.clock)
        self.ring = ApiKeyCache(self.store, self.clock)

    async def key(self, name: str = "ci", expires_in: timedelta | None = None) -> str:
        """The secret text of a new key."""
        self.clock.seconds += 0.001
        _, secret = await self.keys.create(name, expires_in=expires_in)
        self.clock.seconds += 0.001
        return secret.reveal()

    async def refusal(self, text: str) -> str:
        with pytest.raises(InvalidCredentialError) as refused:
            await self.ring.verify(text)
        return str(refused.value)

    def looks(self) -> list[str]:
        """What the ring has asked of the store since this was asked last."""
        asked = [method for method in self.store.asked if method != "put"]
        self.store.asked.clear()
        return asked


@pytest.fixture
def door() -> Door:
    return Door()


async def test_a_key_stands_for_its_owner_and_what_they_may(door: Door) -> None:
    key, secret = await door.keys.create("ci", "ada", [Scope.READ], quota=Quota(jobs=2))

    caller = await door.ring.verify(secret.reveal())

    assert Caller("ada", frozenset({Scope.READ}), Quota(jobs=2), key_id=key.id) == caller


async def test_another_text_of_the_same_key_is_as_unknown_as_no_key(door: Door) -> None:
    text = await door.key()

    wrong = [text[:-1] + ("a" if text[-1] != "a" else "b"), NOBODYS, text[:-1], text + "a", "aether_", text.upper()]

    assert {"The key is not valid."} == {await door.refusal(each) for each in wrong}


async def test_what_does_not_look_like_a_key_makes_for_no_look(door: Door) -> None:
    await door.refusal("aether_what")

    assert door.looks() == []


async def test_within_a_second_nothing_is_asked_of_the_store(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)
    door.looks()

    for _ in range(10):
        door.clock.seconds += 0.1
        await door.ring.verify(text)

    assert door.looks() == []


async def test_keys_that_have_not_changed_are_not_read_again(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)
    door.looks()

    for _ in range(3):
        door.clock.seconds += 1.1
        await asyncio.gather(*(door.ring.verify(text) for _ in range(5)))

    assert door.looks() == ["version"] * 3


async def test_a_revocation_is_known_after_a_second(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)
    await door.keys.revoke("ci")

    door.clock.seconds += 1.0
    await door.ring.verify(text)
    door.clock.seconds += 0.001

    assert await door.refusal(text) == "The key was revoked."


async def test_a_new_key_is_known_at_once(door: Door) -> None:
    await door.ring.verify(await door.key("first"))

    second = await door.key("second")

    assert (await door.ring.verify(second)).owner == "second"


async def test_a_new_secret_of_a_key_is_known_at_once_and_the_old_one_for_the_overlap(door: Door) -> None:
    old = await door.key()
    await door.ring.verify(old)
    _, new = await door.keys.rotate("ci", HOUR)
    door.clock.seconds += 0.001

    assert await door.ring.verify(new.reveal()) == await door.ring.verify(old)
    door.clock.seconds += HOUR.total_seconds()
    assert await door.refusal(old) == "The key was replaced."
    assert (await door.ring.verify(new.reveal())).owner == "ci"


async def test_an_expired_key_is_refused(door: Door) -> None:
    text = await door.key(expires_in=HOUR)
    await door.ring.verify(text)
    door.clock.seconds += HOUR.total_seconds()

    assert await door.refusal(text) == "The key has expired."


async def test_many_unknown_texts_at_once_make_for_one_look(door: Door) -> None:
    await door.ring.verify(await door.key())
    door.looks()

    door.clock.seconds += 0.01
    await asyncio.gather(*(door.refusal(NOBODYS) for _ in range(50)))

    assert door.looks() == ["version"]
    assert door.clock.slept == [pytest.approx(0.04)]


async def test_what_is_known_is_as_old_as_the_beginning_of_the_look_that_found_it(door: Door) -> None:
    door.store.delay_s = 0.8
    text = await door.key()
    await door.ring.verify(text)
    await door.keys.revoke("ci")
    door.clock.seconds += 0.3

    assert await door.refusal(text) == "The key was revoked."


async def test_unknown_texts_make_for_a_look_every_50_ms_at_most(door: Door) -> None:
    await door.ring.verify(await door.key())
    door.looks()
    began = door.clock.seconds

    for _ in range(20):
        door.clock.seconds += 0.001
        await door.refusal(NOBODYS)

    assert len(door.looks()) <= (door.clock.seconds - began) / 0.05 + 1e-9


async def test_while_the_store_is_away_what_was_known_stays_in_force(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)
    door.store.away = True
    door.clock.seconds += 60

    assert (await door.ring.verify(text)).owner == "ci"
    assert await door.ring.has_any()


async def test_while_the_store_is_away_an_unknown_key_may_be_a_new_one(door: Door) -> None:
    await door.ring.verify(await door.key())
    door.store.away = True
    door.clock.seconds += 0.1

    with pytest.raises(StoreUnavailableError):
        await door.ring.verify(NOBODYS)


async def test_the_log_names_an_outage_once(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)

    with capture_logs() as logs:
        for away in (True, True, False, True):
            door.store.away = away
            door.clock.seconds += 1.1
            await door.ring.verify(text)

    assert [line["event"] for line in logs] == ["keys.unreachable"] * 2


async def test_keys_that_were_never_had_are_no_reason_to_refuse_anybody(door: Door) -> None:
    text = await door.key()
    door.store.away = True
    for asking in (door.ring.verify(text), door.ring.has_any()):
        with pytest.raises(StoreUnavailableError):
            await asking

    door.store.away = False

    assert (await door.ring.verify(text)).owner == "ci"


async def test_a_caller_who_leaves_does_not_take_the_look_away_from_others(door: Door) -> None:
    text = await door.key()
    leaving, staying = (asyncio.create_task(door.ring.verify(text)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).owner == "ci"


async def test_there_is_a_key_even_if_it_is_not_valid_any_more(door: Door) -> None:
    before = await door.ring.has_any()
    await door.key()
    await door.keys.revoke("ci")
    door.clock.seconds += 1.1

    assert (before, await door.ring.has_any()) == (False, True)


async def test_a_key_that_nobody_can_read_is_one(door: Door) -> None:
    door.store.held = ApiKeySet(version=1)

    assert await door.ring.has_any()


async def test_a_store_that_has_lost_all_keys_opens_no_door(door: Door) -> None:
    text = await door.key()
    await door.ring.verify(text)
    door.store.held = MemoryKeys().held
    door.clock.seconds += 1.1

    assert await door.refusal(text) == "The key is not valid."
    assert await door.ring.has_any()
