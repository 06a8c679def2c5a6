"""Pipelining: the commands of many callers in one round trip."""

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import DataError
from typing_extensions import override

from aether.adapters.redis.batch_queue import BatchQueue

# The server executes one batch while the client parses another and builds a third. With longer batches both would wait.
_MAX_BATCHES = 3
_MAX_BATCH_LENGTH = 16


class _Request(NamedTuple):
    command: tuple[Any, ...]  # of any type that redis-py takes
    options: dict[str, Any]
    answer: "asyncio.Future[Any]"


class PipeliningRedis(Redis):
    """A client that sends the commands of one turn of the event loop together; each caller gets its own answer.

    Most of redis-py's cost is per round trip: taking a connection from the pool, three timeouts, a write and a read. Up
    to three batches are in flight at a time; commands that arrive meanwhile form the next one. Connections, timeouts
    and retries are the pool's. When a batch cannot reach the server, the commands that wait behind it fail too, since
    each would wait just as long.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # as redis-py has it
        super().__init__(*arguments, **options)
        self._queue = BatchQueue(self._send, max_batches=_MAX_BATCHES, max_length=_MAX_BATCH_LENGTH)

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command with the next batch."""
        request = _Request(args, options, asyncio.get_running_loop().create_future())
        self._queue.add(request)
        return await request.answer

    async def _send(self, batch: Sequence[_Request]) -> None:
        pipeline = self.pipeline(transaction=False)
        for command, options, _ in batch:
            pipeline.execute_command(*command, **options)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (DataError, TypeError, ValueError):
            # One of the commands cannot be encoded, so none was sent.
            answers = await asyncio.gather(*(self._send_alone(request) for request in batch), return_exceptions=True)
        except Exception as error:  # noqa: BLE001 - it is raised to the callers
            waiting = self._queue.take_waiting()
            answers = [error] * len(batch)
            _resolve(waiting, [error] * len(waiting))
        _resolve(batch, answers)

    async def _send_alone(self, request: _Request) -> Any:
        return await super().execute_command(*request.command, **request.options)  # type: ignore[no-untyped-call]  # so it is in redis-py


def _resolve(batch: Sequence[_Request], answers: Sequence[Any]) -> None:
    for (_, _, future), answer in zip(batch, answers, strict=True):
        if future.done():  # the caller was cancelled
            continue
        if isinstance(answer, Exception):
            # A copy, so that each caller gets a traceback of its own.
            future.set_exception(copy(answer))
        else:
            future.set_result(answer)
