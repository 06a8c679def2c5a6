"""Server version: the oldest Redis on which the scripts run."""

import re
from collections.abc import Mapping

from redis.exceptions import RedisError

MIN_VERSION = (6, 2)
"""ZRANGE with BYSCORE, BYLEX, REV and LIMIT, which several scripts call after their first writes, is of Redis 6.2."""


class UnsupportedServerError(RedisError):
    """The server is older than `MIN_VERSION`; a script that it broke off would leave half of its writes."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Redis {version} is too old: Aether needs {'.'.join(map(str, MIN_VERSION))} or newer")


def check_version(info: Mapping[str, object], least: tuple[int, int] = MIN_VERSION) -> None:
    """Check the version in an answer to INFO; Valkey and others name there the Redis with which they are compatible.

    Raises:
        UnsupportedServerError: it is too old.
    """
    version = str(info.get("redis_version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < least:
        raise UnsupportedServerError(version)
