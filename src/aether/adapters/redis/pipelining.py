"""Pipelining: the commands of many callers on one connection, none of which waits for the answers of others."""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from typing_extensions import override

from aether.adapters.redis.channel import Channel, LostConnectionError, Request

_TIMEOUT_S = 2.5
_IDLE_S = 15.0
"""A connection that was not used for so long is replaced: a firewall may have forgotten it."""
_MAX_WAITING = 4
"""With more commands in one write, the server would begin later, and this process would have to wait for it."""
_RETRY_PAUSES_S = (0.0, 0.1)
_CLOSED = "The client was closed."


class PipeliningRedis(Redis):
    """A client that writes the commands of one turn of the event loop together, a few at a time, on one connection.

    Most of redis-py's cost is per command: taking a connection from the pool, three timeouts, a write and a read. The
    pool, whose connections must be hardened, is for pipelines and transactions. When the connection breaks, the
    commands without an answer are sent again on a new one. When none can be opened, all commands that wait for it fail,
    since each would wait just as long.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # as redis-py has it
        super().__init__(*arguments, **options)
        self._waiting: list[Request] = []
        self._shared: dict[tuple[Any, ...], Request] = {}
        """Those of the waiting ones that other callers may join."""
        self._channel: Channel | None = None
        self._opening: asyncio.Task[None] | None = None

    @override
    async def execute_command(self, *args: Any, shared: bool = False, **options: Any) -> Any:
        """Send a command; of equal ones that are `shared` and wait to be sent, only one is."""
        for pause_s in _RETRY_PAUSES_S:
            try:
                return await self._ask(args, options, shared=shared)
            except (LostConnectionError, BusyLoadingError):
                await asyncio.sleep(pause_s)
        return await self._ask(args, options, shared=shared)

    @override
    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connection, and the pool if it is to be closed."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
            self._opening = None  # a task that is cancelled before its first step does not clean up
        self._reject_waiting(RedisConnectionError(_CLOSED))
        if self._channel is not None:
            self._channel.close(RedisConnectionError(_CLOSED))
        await super().aclose(close_connection_pool)

    def _ask(self, command: tuple[Any, ...], options: dict[str, Any], *, shared: bool) -> "asyncio.Future[Any]":
        request = self._shared.get(command) if shared else None
        if request is None:
            request = Request(command, options)
            if shared:
                self._shared[command] = request
            self._waiting.append(request)
            if len(self._waiting) == 1:
                asyncio.get_running_loop().call_soon(self._send)
        answer = request.answer()
        if len(self._waiting) >= _MAX_WAITING and self._channel is not None:
            self._send()
        return answer

    def _send(self) -> None:
        """Write what waits, or open a channel first."""
        if not self._waiting:
            return
        channel = self._channel
        if channel is not None and channel.is_usable(_IDLE_S):
            channel.send(self._take_waiting())
        elif self._opening is None:
            if channel is not None:
                channel.close()
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        """Open a channel, and write what waits for it."""
        try:
            self._channel = await Channel.open(self.connection_pool, self.response_callbacks, _TIMEOUT_S)
            self._channel.send(self._take_waiting())
        except Exception as error:  # noqa: BLE001 - it is raised to the callers
            self._reject_waiting(error)
        finally:
            self._opening = None
            self._reject_waiting(RedisConnectionError(_CLOSED))

    def _reject_waiting(self, error: Exception) -> None:
        for request in self._take_waiting():
            request.reject(error)

    def _take_waiting(self) -> list[Request]:
        waiting, self._waiting = self._waiting, []
        self._shared.clear()
        return waiting
