"""The URL of a Sentinel names Sentinels, the primary and the database; other texts are refused."""

import pytest

from aether.bootstrap.storage import redis_url
from aether.errors import ConfigurationError
from aether.leased_queue.sentinel import SentinelUrl
from aether.leased_queue.worker_settings import worker_settings
from aether.settings import Secret, Settings


async def _nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("sentinel://one:26379/main", SentinelUrl((("one", 26379),), "main")),
        ("sentinel://one,two:1,[::1]:2/main/3", SentinelUrl((("one", 26379), ("two", 1), ("::1", 2)), "main", 3)),
        ("sentinel://me:p%40ss@one/main", SentinelUrl((("one", 26379),), "main", 0, "me", "p@ss")),
        ("sentinel://:pass@one/main/0", SentinelUrl((("one", 26379),), "main", 0, None, "pass")),
        (
            "sentinel://one/main?sentinel_user=you&sentinel_password=s%26p",
            SentinelUrl((("one", 26379),), "main", 0, None, None, "you", "s&p"),
        ),
    ],
)
def test_it_is_parsed(url: str, parsed: SentinelUrl) -> None:
    assert SentinelUrl.parse(url) == parsed
    assert redis_url(Settings(redis_url=Secret(url))) == url


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://hunter2@/main",
        "sentinel://:hunter2@one",
        "sentinel://:hunter2@one/",
        "sentinel://:hunter2@one:port/main",
        "sentinel://:hunter2@one:70000/main",
        "sentinel://:hunter2@one,,two/main",
        "sentinel://:hunter2@one/main/x",
        "sentinel://one/main?password=hunter2",
        "sentinel:one/main",
        "sentinels://one/main",
    ],
)
def test_what_is_none_is_refused_and_its_password_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        redis_url(Settings(redis_url=Secret(url)))

    assert str(caught.value) == (
        "REDIS_URL must look like redis://localhost:6379/0, rediss://…, unix:///path or sentinel://host:26379,…/name."
    )


def test_arqs_own_worker_gets_the_sentinels_too() -> None:
    options = worker_settings(
        (),
        queue_name="q",
        max_jobs=1,
        redis_url="sentinel://me:pass@one,two:1/main/3",
        on_startup=_nothing,
        on_shutdown=_nothing,
    )
    found = options["redis_settings"]

    assert (found.host, found.sentinel, found.sentinel_master) == ([("one", 26379), ("two", 1)], True, "main")
    assert (found.database, found.username, found.password) == (3, "me", "pass")
