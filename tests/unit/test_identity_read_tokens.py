"""What a read token lets one do, and as whom."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aether.domain.access import Caller, Quota, Rate, Scope
from aether.domain.job import Kind
from aether.durable.ports import NewJob
from aether.errors import InvalidCredentialError, ReadTokenScopeError, UnknownJobError
from aether.identity.api_key_cache import ApiKeyCache
from aether.identity.api_keys import ApiKeys, digest_of
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
    """Beside two jobs of Ada's."""
    jobs = MemoryJobStore(clock=clock)
    for job_id in (JOB, OTHER):
        await jobs.create(NewJob(job_id, Kind.REPORT, "ada", b"{}"))
    return MemoryReadTokens(jobs)


@pytest.fixture
def tokens(store: MemoryReadTokens) -> ReadTokens:
    return ReadTokens(store)


async def issued(tokens: ReadTokens, maker: Caller = ADA) -> ReadToken:
    return await tokens.issue(Kind.REPORT, JOB, maker, LIFE)


async def test_it_reads_its_job_for_its_maker_with_their_limits_and_nothing_else(tokens: ReadTokens) -> None:
    token = await issued(tokens)

    reader = Caller("ada", frozenset({Scope.READ}), ADA.quota, JOB, ADA.key_id)
    assert reader == await tokens.verify(token.text.reveal(), JOB)


async def test_it_reads_no_other_job_of_its_maker(tokens: ReadTokens) -> None:
    token = await issued(tokens)

    with pytest.raises(InvalidCredentialError) as refused:
        await tokens.verify(token.text.reveal(), OTHER)

    assert refused.value.sent


async def test_in_any_other_request_it_is_refused_without_a_look(tokens: ReadTokens, store: MemoryReadTokens) -> None:
    token = await issued(tokens)
    store.asked = 0

    for text in (token.text.reveal(), "aejt_made-up"):
        with pytest.raises(ReadTokenScopeError):
            await tokens.verify(text, None)

    assert store.asked == 0


async def test_it_ends_when_it_says(tokens: ReadTokens, clock: FastClock) -> None:
    began = clock.now()
    token = await issued(tokens)
    clock.seconds += LIFE.total_seconds() - 1
    await tokens.verify(token.text.reveal(), JOB)
    clock.seconds += 1

    with pytest.raises(InvalidCredentialError):
        await tokens.verify(token.text.reveal(), JOB)
    assert token.expires_at - began == LIFE


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.CHECKLIST])
async def test_only_for_a_job_of_ones_own_is_there_one(tokens: ReadTokens, kind: Kind) -> None:
    maker = Caller("eve", frozenset(Scope)) if kind is Kind.REPORT else ADA

    with pytest.raises(UnknownJobError):
        await tokens.issue(kind, JOB, maker, LIFE)


async def test_what_is_kept_is_its_digest_and_what_shows_is_nothing(
    tokens: ReadTokens, store: MemoryReadTokens
) -> None:
    token = await issued(tokens)
    text = token.text.reveal()

    assert store.kept[JOB].keys() == {digest_of(text)}
    assert text not in f"{token!r} {store!r}"


async def test_each_is_another_of_256_bits_in_letters_that_an_address_may_have(tokens: ReadTokens) -> None:
    texts = {(await issued(tokens)).text.reveal() for _ in range(20)}

    assert len(texts) == 20
    assert all(re.fullmatch(r"aejt_[A-Za-z0-9_-]{43}", text) for text in texts)
    assert all(map(is_read_token, texts))


@pytest.mark.parametrize(
    "text", ["aejt_", "aejt_" + "a" * 42, "aejt_" + "a" * 44, "aejt_" + "ü" * 43, "aejt_" + "a" * 43]
)
async def test_what_only_begins_like_one_is_refused(tokens: ReadTokens, text: str) -> None:
    await issued(tokens)

    with pytest.raises(InvalidCredentialError):
        await tokens.verify(text, JOB)


async def test_the_authenticator_knows_it_from_a_key(tokens: ReadTokens) -> None:
    token = await issued(tokens, replace(ADA, key_id=None))
    authenticator = Authenticator(ApiKeyCache(MemoryKeys(), FastClock()), read_tokens=tokens)

    assert (await authenticator.authenticate(token.text.reveal(), JOB)).job_id == JOB
    with pytest.raises(ReadTokenScopeError):
        await authenticator.authenticate(token.text.reveal())


@pytest.mark.parametrize("revoked", [False, True])
async def test_it_is_good_for_no_longer_than_the_key_it_was_made_with(tokens: ReadTokens, *, revoked: bool) -> None:
    """A key that is new to this process counts at once."""
    kept, clock = MemoryKeys(), FastClock()
    ring, keys = ApiKeyCache(kept, clock), ApiKeys(kept, clock)
    assert not await ring.has_any()
    key, _ = await keys.create("ci", ADA.owner)
    clock.seconds += 0.1
    token = await issued(tokens, replace(ADA, key_id=key.id))
    authenticator = Authenticator(ring, read_tokens=tokens)
    if revoked:
        await keys.revoke(key.id)
        with pytest.raises(InvalidCredentialError):
            await authenticator.authenticate(token.text.reveal(), JOB)
    else:
        assert (await authenticator.authenticate(token.text.reveal(), JOB)).job_id == JOB
