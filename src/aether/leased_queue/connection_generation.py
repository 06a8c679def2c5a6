"""Connection generation: which of a client's connections may lead to a server that is no longer the primary."""

from typing import Any

from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.leased_queue.server_faults import fault_code

_DEMOTED = {"READONLY", "UNBLOCKED", "MOVED"}  # a replica in a cluster names its primary


class ConnectionGeneration:
    """A number that all connections of a client share, also those for threads and blocking commands.

    When the server of one connection turns out to be a replica, or does not answer in time, all that were opened before
    are outdated: each is opened again before its next command, so that the address is resolved anew. Without this a
    client would meet the demoted server once on each connection, or for as long as nothing closes them.
    """

    def __init__(self) -> None:
        self.number = 0

    def learn(self, error: RedisError, opened_in: int) -> None:
        """Outdate all connections, if this error on one of `opened_in` says that its server may be the wrong one."""
        is_demoted = isinstance(error, ResponseError) and fault_code(error) in _DEMOTED
        if (is_demoted or isinstance(error, RedisTimeoutError)) and opened_in == self.number:
            self.number += 1


class GenerationMember:
    """A part of connections, synchronous or not, that knows its generation; it comes before redis-py's own classes."""

    def __init__(self, *args: Any, generation: ConnectionGeneration, **options: Any) -> None:  # as in redis-py
        super().__init__(*args, **options)
        self._generation = generation
        self._opened_in = generation.number
        self._is_opening = False

    @property
    def is_outdated(self) -> bool:
        """Whether its server may no longer be the primary; a connection that is just being opened is not outdated."""
        return self._opened_in != self._generation.number and not self._is_opening

    def learn(self, error: Exception) -> None:
        """Learn from an error whether the server may be the wrong one."""
        if isinstance(error, RedisError):
            self._generation.learn(error, self._opened_in)
