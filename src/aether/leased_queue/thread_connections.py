"""Thread connections: synchronous ones, which are reopened and find a primary as the asynchronous ones do."""

from typing import Any

from redis import connection as synchronous
from redis.exceptions import RedisError
from typing_extensions import override

from aether.leased_queue.connection_generation import GenerationMember
from aether.leased_queue.sentinel import PrimaryFinder, check_role


class _Outdatable(GenerationMember, synchronous.AbstractConnection):
    """A connection that is opened again when its generation is outdated."""

    @override
    def connect(self) -> None:
        self._is_opening = True
        try:
            super().connect()  # type: ignore[no-untyped-call]  # so it is in redis-py
        finally:
            self._is_opening = False

    @override
    def _connect(self) -> Any:  # as in redis-py
        self._opened_in = self._generation.number
        return super()._connect()  # type: ignore[no-untyped-call,safe-super]  # of the class that this is mixed into

    @override
    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # as in redis-py
        if self.is_outdated:
            self.disconnect()  # type: ignore[no-untyped-call]  # as above
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # as above

    @override
    def read_response(self, *args: Any, **options: Any) -> Any:  # as in redis-py
        try:
            return super().read_response(*args, **options)  # type: ignore[no-untyped-call]  # as above
        except RedisError as error:
            self.learn(error)
            raise


class ThreadTcp(_Outdatable, synchronous.Connection):
    """Over TCP."""


class ThreadSocket(_Outdatable, synchronous.UnixDomainSocketConnection):
    """Over a unix socket."""


class ThreadTls(_Outdatable, synchronous.SSLConnection):
    """Over TLS."""


class ThreadSentinel(ThreadTcp):
    """To the primary that Sentinel names."""

    def __init__(self, *args: Any, finder: PrimaryFinder, **options: Any) -> None:  # as in redis-py
        super().__init__(*args, **options)
        self._finder = finder

    @override
    def _connect(self) -> Any:  # as in redis-py
        self.host, self.port = self._finder.find_blocking()
        return super()._connect()

    @override
    def on_connect(self) -> None:
        super().on_connect()  # type: ignore[no-untyped-call]  # as above
        self.send_command("ROLE", check_health=False)  # type: ignore[no-untyped-call]  # as above
        check_role(self.read_response())
