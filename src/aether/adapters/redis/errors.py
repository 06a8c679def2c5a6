"""Errors of Redis that mean it cannot serve requests for now."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.errors import StoreUnavailableError

_UNAVAILABLE = (RedisConnectionError, RedisTimeoutError, OSError, ClusterDownError, OutOfMemoryError, ReadOnlyError)
_UNAVAILABLE_CODES = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE")
"""Error codes of a running Redis that cannot serve for now, for which redis-py has no exception class."""


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Raise StoreUnavailableError in place of an error that means Redis cannot serve for now."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise StoreUnavailableError(type(error).__name__) from error
    except ResponseError as error:
        if not str(error).startswith(_UNAVAILABLE_CODES):
            raise
        raise StoreUnavailableError(str(error).partition(" ")[0]) from error
