"""Connection generation: which of a client's connections may lead to a server that is no longer the primary."""

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
