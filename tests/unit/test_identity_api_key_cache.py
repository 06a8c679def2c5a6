"""API key cache: how stale it may be, and how often it reads the store."""

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
UNKNOWN_KEY = f"aether_{'a' * 12}_{'b' * 43}"


@dataclass
class SlowKeys(MemoryKeys):
    """A store whose version takes `delay_s` to read."""

    clock: FastClock = field(default_factory=FastClock)
    delay_s: float = 0.0

    @override
    async def version(self) -> int:
        version = await super().version()
        self.clock.seconds += self.delay_s
        return version


class Harness:
    """A cache over a store that other processes change."""

    def __init__(self) -> None:
        self.clock = FastClock()
        self.store = SlowKeys(clock=self.clock)
        self.keys = ApiKeys(self.store, self.clock)
        self.cache = ApiKeyCache(self.store, self.clock)

    async def key(self, name: str = "ci", expires_in: timedelta | None = None) -> str:
        """Create a key and return its secret."""
        self.clock.seconds += 0.001
        _, secret = await self.keys.create(name, expires_in=expires_in)
        self.clock.seconds += 0.001
        return secret.reveal()

    async def refusal(self, text: str) -> str:
        with pytest.raises(InvalidCredentialError) as refused:
            await self.cache.verify(text)
        return str(refused.value)

    def store_calls(self) -> list[str]:
        """Return the reads of the store since the last call."""
        calls = [method for method in self.store.calls if method != "put"]
        self.store.calls.clear()
        return calls


@pytest.fixture
def harness() -> Harness:
    return Harness()


async def test_a_key_identifies_its_owner_with_scopes_and_quota(harness: Harness) -> None:
    key, secret = await harness.keys.create("ci", "ada", [Scope.READ], quota=Quota(jobs=2))

    caller = await harness.cache.verify(secret.reveal())

    assert Caller("ada", frozenset({Scope.READ}), Quota(jobs=2), key_id=key.id) == caller


async def test_a_wrong_secret_gets_the_same_answer_as_an_unknown_key(harness: Harness) -> None:
    text = await harness.key()

    wrong = [text[:-1] + ("a" if text[-1] != "a" else "b"), UNKNOWN_KEY, text[:-1], text + "a", "aether_", text.upper()]

    assert {"The key is not valid."} == {await harness.refusal(each) for each in wrong}


async def test_a_text_that_is_no_key_causes_no_store_read(harness: Harness) -> None:
    await harness.refusal("aether_what")

    assert harness.store_calls() == []


async def test_the_store_is_not_read_again_within_a_second(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)
    harness.store_calls()

    for _ in range(10):
        harness.clock.seconds += 0.1
        await harness.cache.verify(text)

    assert harness.store_calls() == []


async def test_unchanged_keys_are_not_loaded_again(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)
    harness.store_calls()

    for _ in range(3):
        harness.clock.seconds += 1.1
        await asyncio.gather(*(harness.cache.verify(text) for _ in range(5)))

    assert harness.store_calls() == ["version"] * 3


async def test_a_revocation_takes_effect_after_a_second(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)
    await harness.keys.revoke("ci")

    harness.clock.seconds += 1.0
    await harness.cache.verify(text)
    harness.clock.seconds += 0.001

    assert await harness.refusal(text) == "The key was revoked."


async def test_a_new_key_is_valid_at_once(harness: Harness) -> None:
    await harness.cache.verify(await harness.key("first"))

    second = await harness.key("second")

    assert (await harness.cache.verify(second)).owner == "second"


async def test_a_new_secret_is_valid_at_once_and_the_old_one_for_the_overlap(harness: Harness) -> None:
    old = await harness.key()
    await harness.cache.verify(old)
    _, new = await harness.keys.rotate("ci", HOUR)
    harness.clock.seconds += 0.001

    assert await harness.cache.verify(new.reveal()) == await harness.cache.verify(old)
    harness.clock.seconds += HOUR.total_seconds()
    assert await harness.refusal(old) == "The key was replaced."
    assert (await harness.cache.verify(new.reveal())).owner == "ci"


async def test_an_expired_key_is_rejected(harness: Harness) -> None:
    text = await harness.key(expires_in=HOUR)
    await harness.cache.verify(text)
    harness.clock.seconds += HOUR.total_seconds()

    assert await harness.refusal(text) == "The key has expired."


async def test_many_concurrent_unknown_keys_cause_one_refresh(harness: Harness) -> None:
    await harness.cache.verify(await harness.key())
    harness.store_calls()

    harness.clock.seconds += 0.01
    await asyncio.gather(*(harness.refusal(UNKNOWN_KEY) for _ in range(50)))

    assert harness.store_calls() == ["version"]
    assert harness.clock.slept == [pytest.approx(0.04)]


async def test_staleness_counts_from_the_start_of_a_refresh(harness: Harness) -> None:
    harness.store.delay_s = 0.8
    text = await harness.key()
    await harness.cache.verify(text)
    await harness.keys.revoke("ci")
    harness.clock.seconds += 0.3

    assert await harness.refusal(text) == "The key was revoked."


async def test_unknown_keys_cause_at_most_one_refresh_in_50_ms(harness: Harness) -> None:
    await harness.cache.verify(await harness.key())
    harness.store_calls()
    began = harness.clock.seconds

    for _ in range(20):
        harness.clock.seconds += 0.001
        await harness.refusal(UNKNOWN_KEY)

    assert len(harness.store_calls()) <= (harness.clock.seconds - began) / 0.05 + 1e-9


async def test_known_keys_stay_valid_while_the_store_is_unavailable(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)
    harness.store.is_unavailable = True
    harness.clock.seconds += 60

    assert (await harness.cache.verify(text)).owner == "ci"
    assert await harness.cache.has_any()


async def test_an_unknown_key_may_be_new_while_the_store_is_unavailable(harness: Harness) -> None:
    await harness.cache.verify(await harness.key())
    harness.store.is_unavailable = True
    harness.clock.seconds += 0.1

    with pytest.raises(StoreUnavailableError):
        await harness.cache.verify(UNKNOWN_KEY)


async def test_an_outage_is_logged_once(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)

    with capture_logs() as logs:
        for away in (True, True, False, True):
            harness.store.is_unavailable = away
            harness.clock.seconds += 1.1
            await harness.cache.verify(text)

    assert [line["event"] for line in logs] == ["keys.unreachable"] * 2


async def test_no_key_is_rejected_before_the_keys_were_loaded(harness: Harness) -> None:
    text = await harness.key()
    harness.store.is_unavailable = True
    for asking in (harness.cache.verify(text), harness.cache.has_any()):
        with pytest.raises(StoreUnavailableError):
            await asking

    harness.store.is_unavailable = False

    assert (await harness.cache.verify(text)).owner == "ci"


async def test_a_cancelled_caller_does_not_cancel_the_refresh_of_others(harness: Harness) -> None:
    text = await harness.key()
    cancelled, other = (asyncio.create_task(harness.cache.verify(text)) for _ in range(2))
    await asyncio.sleep(0)

    cancelled.cancel()

    assert (await other).owner == "ci"


async def test_a_revoked_key_counts_as_existing(harness: Harness) -> None:
    before = await harness.cache.has_any()
    await harness.key()
    await harness.keys.revoke("ci")
    harness.clock.seconds += 1.1

    assert (before, await harness.cache.has_any()) == (False, True)


async def test_a_key_that_cannot_be_read_counts_as_existing(harness: Harness) -> None:
    harness.store.stored = ApiKeySet(version=1)

    assert await harness.cache.has_any()


async def test_credentials_stay_required_when_the_store_loses_all_keys(harness: Harness) -> None:
    text = await harness.key()
    await harness.cache.verify(text)
    harness.store.stored = MemoryKeys().stored
    harness.clock.seconds += 1.1

    assert await harness.refusal(text) == "The key is not valid."
    assert await harness.cache.has_any()
