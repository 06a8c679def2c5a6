import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aether.adapters.jwt.verifier import JwtVerifier
from aether.errors import IdentityProviderUnavailableError, InvalidCredentialError
from tests.identity_provider import Members, Signer, jwks
from tests.token_verifiers import POLICY, AheadClock
from tests.waiting import PATIENCE_S

FIRST = Signer(kid="first")
SECOND = Signer(kid="second", number=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "identity keys.json"
    publish(path, FIRST.jwk())
    return path


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
async def verifier(path: Path, clock: AheadClock) -> AsyncIterator[JwtVerifier]:
    async with JwtVerifier.open(str(path), POLICY, clock) as opened:
        yield opened


def publish(path: Path, *keys: Members) -> None:
    """Put another file in its place, as those who must not be seen half done do."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(jwks(*keys))
    fresh.replace(path)


def rename_key(path: Path, old: str, new: str, *, later_ns: int) -> None:
    """Write into the file itself, and set its time this much later than it was."""
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + later_ns))


async def is_accepted(verifier: JwtVerifier, signer: Signer) -> bool:
    try:
        await verifier.verify(signer.token())
    except InvalidCredentialError:
        return False
    return True


async def test_keys_are_read_from_a_file(verifier: JwtVerifier) -> None:
    assert [await is_accepted(verifier, signer) for signer in (FIRST, SECOND)] == [True, False]


async def test_a_file_may_be_given_as_a_url(path: Path, clock: AheadClock) -> None:
    async with JwtVerifier.open(path.as_uri(), POLICY, clock) as verifier:
        assert await is_accepted(verifier, FIRST)


async def test_an_added_key_is_found_at_once(verifier: JwtVerifier, path: Path) -> None:
    await is_accepted(verifier, FIRST)
    publish(path, FIRST.jwk(), SECOND.jwk())

    assert [await is_accepted(verifier, signer) for signer in (SECOND, FIRST)] == [True, True]


async def test_a_removed_key_is_rejected_a_second_later(verifier: JwtVerifier, path: Path, clock: AheadClock) -> None:
    await is_accepted(verifier, FIRST)
    publish(path, SECOND.jwk())

    clock.seconds = 1.0

    async with asyncio.timeout(PATIENCE_S):
        while await is_accepted(verifier, FIRST):  # noqa: ASYNC110 - the file is looked at in a thread
            await asyncio.sleep(0)


async def test_a_file_is_read_again_when_its_time_has_changed(verifier: JwtVerifier, path: Path) -> None:
    await is_accepted(verifier, FIRST)
    rename_key(path, "first", "other", later_ns=0)
    before = await is_accepted(verifier, Signer(kid="other"))
    rename_key(path, "other", "third", later_ns=1)

    assert (before, await is_accepted(verifier, Signer(kid="third"))) == (False, True)


async def test_the_last_keys_are_used_while_the_file_is_invalid(
    verifier: JwtVerifier, path: Path, clock: AheadClock
) -> None:
    await is_accepted(verifier, FIRST)
    rename_key(path, "keys", "key", later_ns=1)

    for clock.seconds in (1.0, 120.0):
        assert await is_accepted(verifier, FIRST)


async def test_a_file_may_be_created_later(path: Path, clock: AheadClock) -> None:
    later = path.with_suffix(".later")
    async with JwtVerifier.open(str(later), POLICY, clock) as verifier:
        with pytest.raises(IdentityProviderUnavailableError):
            await verifier.verify(FIRST.token())
        publish(later, FIRST.jwk())
        clock.seconds = 1.0

        assert await is_accepted(verifier, FIRST)
