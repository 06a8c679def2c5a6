"""Errors of Redis that mean it cannot serve requests for now."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.errors import StoreUnavailableError
from aether.leased_queue.server_faults import FAULTS, fault_code
from aether.leased_queue.server_version import UnsupportedServerError

UNREACHABLE = "Redis does not answer"
_NO_ANSWER = (RedisConnectionError, RedisTimeoutError, OSError)


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Raise StoreUnavailableError in place of an error that means Redis cannot serve for now."""
    try:
        yield
    except (RedisError, OSError) as error:
        why = find_fault(error)
        if why is None:
            raise
        what = fault_code(error) or type(error).__name__
        raise StoreUnavailableError(what, why="" if why == UNREACHABLE else why) from error


def find_fault(error: Exception) -> str | None:
    """Return what is wrong with Redis, as a sentence without its full stop; None for an error of another kind."""
    if code := fault_code(error):
        return FAULTS[code]
    match error:
        case UnsupportedServerError():
            return str(error)
        case AuthenticationError():
            return "Redis rejects the name or the password in REDIS_URL"
        case _ if isinstance(error, _NO_ANSWER):
            return UNREACHABLE
    return None
