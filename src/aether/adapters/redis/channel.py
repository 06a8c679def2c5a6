"""Channel: one connection on which commands are written without waiting for the answers to earlier ones."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, Self

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override

from aether.leased_queue.connections import open_beside
from aether.leased_queue.hardened_connections import INCOMPLETE, Hardened

Callbacks = Mapping[Any, Callable[..., Any]]  # as redis-py has it: what becomes of answers, by the names of commands


class LostConnectionError(RedisConnectionError):
    """The connection broke after a command was written; nobody knows whether it was run."""


class Request:
    """A command, and the callers who wait for its answer."""

    __slots__ = ("_answers", "command", "options", "sent_at")

    def __init__(self, command: tuple[Any, ...], options: dict[str, Any]) -> None:  # Any: as redis-py has it
        options.pop("keys", None)  # for redis-py's cache
        self.command = command
        self.options = options
        self.sent_at = 0.0
        self._answers: list[asyncio.Future[Any]] = []

    def answer(self) -> "asyncio.Future[Any]":
        """Return the answer for one more caller."""
        future = asyncio.get_running_loop().create_future()
        self._answers.append(future)
        return future

    def resolve(self, answer: Any, callbacks: Callbacks) -> None:  # Any: as redis-py parses it
        """Answer all callers."""
        callback = callbacks.get(self.command[0])
        try:
            parsed = callback(answer, **self.options) if callback else answer
        except Exception as error:  # noqa: BLE001 - it is raised to the callers
            self.reject(error)
            return
        for future in self._answers:
            if not future.done():  # the caller was cancelled
                future.set_result(parsed)

    def reject(self, error: Exception) -> None:
        """Raise an error to all callers."""
        for future in self._answers:
            if not future.done():
                # A copy, so that each caller gets a traceback of its own.
                future.set_exception(copy(error))


class Channel(asyncio.Protocol):
    """An open connection, on which answers come in the order of the commands; no command may block or be large.

    One timer limits how long the answer to the oldest command may take. When the connection breaks, all commands
    without an answer fail with `LostConnectionError`, or because of the time with redis-py's `TimeoutError`.
    """

    def __init__(self, connection: Hardened, callbacks: Callbacks, timeout_s: float) -> None:
        self._connection = connection
        self._callbacks = callbacks
        self._timeout_s = timeout_s
        self._parser = connection.new_parser()
        self._in_flight: deque[Request] = deque()
        self._loop = asyncio.get_running_loop()
        self._used_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception = LostConnectionError("Connection closed by server.")
        self._is_lost = False
        self._transport = connection.hand_over(self)

    @classmethod
    async def open(cls, pool: ConnectionPool, callbacks: Callbacks, timeout_s: float) -> Self:
        """Open a connection with the settings of the pool, but beside it.

        Raises:
            RedisError, OSError: there is no server, or it lets nobody in.
        """
        return cls(await open_beside(pool), callbacks, timeout_s)

    def is_usable(self, idle_s: float) -> bool:
        """Whether commands may be written: the server is still the primary, and was used within the last `idle_s`."""
        if self._transport.is_closing() or self._connection.is_outdated:
            return False
        return bool(self._in_flight) or self._loop.time() - self._used_at < idle_s

    def send(self, requests: Sequence[Request]) -> None:
        """Write commands; one that cannot be encoded is rejected, and affects no other."""
        packed: list[bytes] = []
        self._used_at = self._loop.time()
        for request in requests:
            try:
                packed += self._connection.pack_command(*request.command)
            except (DataError, TypeError, ValueError) as error:
                request.reject(error)
            else:
                request.sent_at = self._used_at
                self._in_flight.append(request)
        if self._is_lost:
            self._reject_all()
            return
        if not self._transport.is_closing():
            self._transport.write(b"".join(packed))
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_s, self._check_time)

    def close(self, error: Exception | None = None) -> None:
        """Break the connection; commands without an answer fail with this error."""
        self._error = error or self._error
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
            while (answer := self._parser.gets()) is not INCOMPLETE:
                self._settle(answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the answers after it cannot be told apart
            self.close(LostConnectionError(str(error)))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._connection.forget_streams()
        if self._timer is not None:
            self._timer.cancel()
        self._reject_all()

    def _reject_all(self) -> None:
        while self._in_flight:
            self._in_flight.popleft().reject(self._error)

    def _settle(self, answer: Any) -> None:  # Any: as redis-py parses it
        request = self._in_flight.popleft()
        if isinstance(answer, Exception):
            self._connection.learn(answer)
            request.reject(answer)
        else:
            request.resolve(answer, self._callbacks)

    def _check_time(self) -> None:
        self._timer = None
        if not self._in_flight:
            return
        left_s = self._in_flight[0].sent_at + self._timeout_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._check_time)
            return
        error = RedisTimeoutError("Timeout reading from socket")
        self._connection.learn(error)
        self.close(error)
