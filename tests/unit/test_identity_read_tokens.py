"""What a read token allows, and whom it identifies."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aether.domain.access import Caller, Quota, Rate, Scope
from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.errors import InvalidCredentialError, ReadTokenScopeError, UnknownJobError
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys, hash_secret
from aether.identity.authenticator import Authenticator
from aether.identity.read_tokens import ReadToken, ReadTokens, is_read_token
from tests.fake_keys import MemoryKeys
from tests.fake_read_tokens import MemoryReadTokens
from tests.fakes import FastClock, MemoryJobStore

ADA = Caller("ada", frozenset(Scope), Quota(Rate(600, 60.0), 3), key_id="7hq2mzk4t5ca")
LIFE = timedelta(minutes=15)
JOB, OTHER = "4f9c", "77aa"


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
async def store(clock: FastClock) -> MemoryReadTokens:
    """A store of tokens for two jobs of Ada's."""
    jobs = MemoryJobStore(clock=clock)
    for job_id in (JOB, OTHER):
        await jobs.create(NewJob(job_id, Kind.REPORT, "ada", b"{}"))
    return MemoryReadTokens(jobs)


@pytest.fixture
def tokens(store: MemoryReadTokens) -> ReadTokens:
    return ReadTokens(store)


async def issue(tokens: ReadTokens, creator: Caller = ADA) -> ReadToken:
    return await tokens.issue(Kind.REPORT, JOB, creator, LIFE)


async def test_it_identifies_its_creator_with_only_the_scope_to_read_the_job(tokens: ReadTokens) -> None:
    token = await issue(tokens)

    reader = Caller("ada", frozenset({Scope.READ}), ADA.quota, JOB, ADA.key_id)
    assert reader == await tokens.verify(token.text.reveal(), JOB)


async def test_it_does_not_read_another_job_of_its_creator(tokens: ReadTokens) -> None:
    token = await issue(tokens)

    with pytest.raises(InvalidCredentialError) as refused:
        await tokens.verify(token.text.reveal(), OTHER)

    assert refused.value.sent


async def test_other_requests_are_rejected_without_a_lookup(tokens: ReadTokens, store: MemoryReadTokens) -> None:
    token = await issue(tokens)
    store.calls = 0

    for text in (token.text.reveal(), "aejt_made-up"):
        with pytest.raises(ReadTokenScopeError):
            await tokens.verify(text, None)

    assert store.calls == 0


async def test_it_expires_when_it_says(tokens: ReadTokens, clock: FastClock) -> None:
    began = clock.now()
    token = await issue(tokens)
    clock.seconds += LIFE.total_seconds() - 1
    await tokens.verify(token.text.reveal(), JOB)
    clock.seconds += 1

    with pytest.raises(InvalidCredentialError):
        await tokens.verify(token.text.reveal(), JOB)
    assert token.expires_at - began == LIFE


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.CHECKLIST])
async def test_it_can_only_be_created_for_ones_own_job(tokens: ReadTokens, kind: Kind) -> None:
    creator = Caller("eve", frozenset(Scope)) if kind is Kind.REPORT else ADA

    with pytest.raises(UnknownJobError):
        await tokens.issue(kind, JOB, creator, LIFE)


async def test_only_its_digest_is_stored_and_it_is_never_printed(tokens: ReadTokens, store: MemoryReadTokens) -> None:
    token = await issue(tokens)
    text = token.text.reveal()

    assert store.tokens[JOB].keys() == {hash_secret(text)}
    assert text not in f"{token!r} {store!r}"


async def test_tokens_are_unique_with_256_bits_in_url_safe_characters(tokens: ReadTokens) -> None:
    texts = {(await issue(tokens)).text.reveal() for _ in range(20)}

    assert len(texts) == 20
    assert all(re.fullmatch(r"aejt_[A-Za-z0-9_-]{43}", text) for text in texts)
    assert all(map(is_read_token, texts))


@pytest.mark.parametrize(
    "text", ["aejt_", "aejt_" + "a" * 42, "aejt_" + "a" * 44, "aejt_" + "ü" * 43, "aejt_" + "a" * 43]
)
async def test_a_text_with_the_same_prefix_is_rejected(tokens: ReadTokens, text: str) -> None:
    await issue(tokens)

    with pytest.raises(InvalidCredentialError):
        await tokens.verify(text, JOB)


async def test_the_authenticator_tells_it_from_a_key(tokens: ReadTokens) -> None:
    token = await issue(tokens, replace(ADA, key_id=None))
    authenticator = Authenticator(ApiKeyCache(MemoryKeys(), FastClock()), read_tokens=tokens)

    assert (await authenticator.authenticate(token.text.reveal(), JOB)).job_id == JOB
    with pytest.raises(ReadTokenScopeError):
        await authenticator.authenticate(token.text.reveal())


@pytest.mark.parametrize("revoked", [False, True])
async def test_it_is_valid_no_longer_than_the_key_it_was_created_with(tokens: ReadTokens, *, revoked: bool) -> None:
    """A key that is new to this process is known at once."""
    key_store, clock = MemoryKeys(), FastClock()
    cache, keys = ApiKeyCache(key_store, clock), ApiKeys(key_store, clock)
    assert not await cache.has_any()
    key, _ = await keys.create("ci", ADA.owner)
    clock.seconds += 0.1
    token = await issue(tokens, replace(ADA, key_id=key.id))
    authenticator = Authenticator(cache, read_tokens=tokens)
    if revoked:
        await keys.revoke(key.id)
        with pytest.raises(InvalidCredentialError):
            await authenticator.authenticate(token.text.reveal(), JOB)
    else:
        assert (await authenticator.authenticate(token.text.reveal(), JOB)).job_id == JOB
