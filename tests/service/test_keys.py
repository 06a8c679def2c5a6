"""Keys through real processes, which learn of every change while they run."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import httpx2
import pytest
import pytest_socket

from aether.bootstrap.authentication import open_api_keys
from aether.domain.access import ApiKey, Scope
from aether.identity.api_keys import MAX_STALENESS_S, ApiKeys
from aether.settings import Secret, Settings
from tests.service.stack import API, KEY, Stack
from tests.waiting import PATIENCE_S, slowness, until

T = TypeVar("T")


class Guarded:
    """An API over a database of its own in the stack's server, so that no other test needs a key."""

    def __init__(self, stack: Stack, database: int) -> None:
        self.redis_url = f"{stack.valkey.url}?db={database}"
        self.http: httpx2.Client
        self._stack = stack

    @contextmanager
    def running(self) -> Iterator["Guarded"]:
        hooks = {"response": [self._stack._keep]}
        with (
            self._stack.another_api(REDIS_URL=self.redis_url) as url,
            httpx2.Client(base_url=url, timeout=PATIENCE_S, event_hooks=hooks) as self.http,
        ):
            yield self

    def asks(self, what: Callable[[ApiKeys], Coroutine[object, object, T]]) -> T:
        """Do something with the keys, as whoever runs the service does."""

        async def asking() -> T:
            async with open_api_keys(Settings(redis_url=Secret(self.redis_url))) as opened:
                return await what(opened)

        return asyncio.run(asking())

    def key(self, name: str, scopes: tuple[Scope, ...] = (Scope.ADMIN,), expires_in: timedelta | None = None) -> str:
        """The secret text of a new key."""
        return self.kept(self.asks(lambda keys: keys.create(name, scopes=scopes, expires_in=expires_in)))

    def rotated(self, name: str, overlap: timedelta) -> str:
        return self.kept(self.asks(lambda keys: keys.rotate(name, overlap)))

    def kept(self, made: tuple[ApiKey, Secret]) -> str:
        """The text, which from now on may show nowhere."""
        text = made[1].reveal()
        self._stack.secrets.append(text.split("_", 2)[2])
        return text

    def get(self, text: str | None = None) -> httpx2.Response:
        return self.http.get("/reports", headers={} if text is None else {"Authorization": f"Bearer {text}"})

    def after_a_second(self, text: str) -> httpx2.Response:
        """The last answer of a second, longer on a busy machine, in which the key is used all the time."""
        until_then = time.monotonic() + MAX_STALENESS_S * slowness()
        while time.monotonic() < until_then:
            self.get(text)
            time.sleep(0.02)
        return self.get(text)


@pytest.fixture(scope="module")
def running(shared_bare_stack: Stack) -> Iterator[Guarded]:
    pytest_socket._remove_restrictions()
    with Guarded(shared_bare_stack, 1).running() as guarded:
        assert guarded.get().status_code == 200, "the first key comes while the process runs"
        guarded.key("first")
        guarded.asks(lambda keys: keys.revoke("first"))
        until(lambda: guarded.get().status_code == 401)
        yield guarded


@pytest.fixture
def guarded(running: Guarded, bare: Stack) -> Guarded:
    assert bare.secrets[0] == KEY
    return running


def test_a_key_is_taken_as_soon_as_it_is_made(guarded: Guarded) -> None:
    statuses = [guarded.get(guarded.key(f"new-{number}")).status_code for number in range(5)]

    assert statuses == [200] * 5


def test_a_revoked_key_is_refused_a_second_later(guarded: Guarded) -> None:
    text = guarded.key("revoked")
    before = guarded.get(text)

    guarded.asks(lambda keys: keys.revoke("revoked"))
    after = guarded.after_a_second(text)

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["detail"] == "The key was revoked."


def test_a_key_is_refused_from_when_it_expires(guarded: Guarded) -> None:
    text = guarded.key("brief", expires_in=timedelta(seconds=1))
    before = guarded.get(text)

    after = guarded.after_a_second(text)

    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["detail"] == "The key has expired."


def test_a_rotated_key_has_two_secrets_for_a_while(guarded: Guarded) -> None:
    old = guarded.key("rotated")
    new = guarded.rotated("rotated", timedelta(seconds=1))
    during = [guarded.get(text).status_code for text in (old, new)]

    refused = guarded.after_a_second(old)

    assert (during, refused.status_code, guarded.get(new).status_code) == ([200, 200], 401, 200)
    assert refused.json()["detail"] == "The key was replaced."


def test_a_key_that_is_rotated_without_an_overlap_has_one(guarded: Guarded) -> None:
    old = guarded.key("replaced")
    new = guarded.rotated("replaced", timedelta(0))

    assert guarded.get(new).status_code == 200
    assert guarded.after_a_second(old).status_code == 401


def test_a_wrong_secret_is_refused_and_a_small_scope_forbidden(guarded: Guarded) -> None:
    text = guarded.key("reader", (Scope.READ,))
    sent = {"Authorization": f"Bearer {text}"}

    wrong = guarded.get(text[:-1] + ("a" if text[-1] != "a" else "b"))
    asked = guarded.http.post("/reports", json={"topic": "Rome"}, headers=sent)

    assert (wrong.status_code, wrong.json()["detail"]) == (401, "The key is not valid.")
    assert (asked.status_code, guarded.http.get("/health/live").status_code) == (403, 200)


def test_no_secret_shows_anywhere(guarded: Guarded, bare: Stack) -> None:
    """Not in what Redis writes down either: the log of its commands is one of the files."""
    text = guarded.key("whispered")
    guarded.get(text)
    guarded.get(text + "x")

    assert bare.leaks() == []


def test_from_the_first_key_on_everybody_needs_one(guarded: Guarded) -> None:
    """Even on this machine, and though that key was revoked."""
    answer = guarded.get()

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aether"')


def test_while_redis_is_away_keys_that_are_known_are_not_refused(guarded: Guarded, bare: Stack) -> None:
    text = guarded.key("patient")
    guarded.get(text)
    bare.valkey.end(signal.SIGKILL)
    try:
        time.sleep(MAX_STALENESS_S)
        away = [guarded.get(given).status_code for given in (text, text[:-1] + "~", None)]
    finally:
        bare.valkey.start()

    assert away == [503, 503, 401]
    until(lambda: guarded.get(text).status_code == 200)


def test_with_a_key_the_service_listens_to_strangers_and_asks_them_for_it(guarded: Guarded, bare: Stack) -> None:
    guarded.key("door")
    api = bare.spawn([*API, "--host", "0.0.0.0"], REDIS_URL=guarded.redis_url)  # noqa: S104 - see the name
    try:
        until(lambda: "api.listening" in api.tail() or not api.running)
        assert api.running, api.tail()
    finally:
        api.end()
