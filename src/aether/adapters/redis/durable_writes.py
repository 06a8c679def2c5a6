"""Durable writes: scripts whose answers count only when what they wrote is on the disk, or on a replica."""

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import Any, Literal, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aether.adapters.redis.batch_queue import BatchQueue
from aether.adapters.redis.keys import READY, READY_MS
from aether.errors import NotDurableError
from aether.leased_queue.key_names import key_name
from aether.leased_queue.scripts import Argument, Script
from aether.leased_queue.server_faults import fault_code
from aether.leased_queue.server_version import check_version

WAIT_S = 2.0  # less than the timeout of a command
_WAIT_MS = int(WAIT_S * 1000)
_WAITS = {"local": ("WAITAOF", 1, 0, _WAIT_MS), "replica": ("WAIT", 1, _WAIT_MS)}
_PLACES = {"local": "the disk of Redis", "replica": "a replica of Redis"}
_MAX_BATCHES = 8  # each keeps a connection while the server waits for its disk or its replica
_MAX_BATCH_LENGTH = 64


class LostAnswerError(RedisConnectionError):
    """The scripts were sent, and there was no answer: they may have run."""


class DurableAnswer(NamedTuple):
    """A script's answer, and whether what it wrote is durable."""

    answer: Any  # as the script returns it
    is_durable: bool


class _Write(NamedTuple):
    script: Script
    arguments: Sequence[Argument]
    answer: "asyncio.Future[DurableAnswer]"


class DurableWrites:
    """Sends scripts in batches, each batch followed by one wait on the same connection.

    The wait is for all that was written before on that server. On another connection it could be another server, after
    a failover, which never had the writes.
    """

    def __init__(self, client: Redis, durability: Literal["local", "replica"]) -> None:
        self._client = client
        self._wait = _WAITS[durability]
        self._place = _PLACES[durability]
        self._queue = BatchQueue(self._send, max_batches=_MAX_BATCHES, max_length=_MAX_BATCH_LENGTH)

    async def run(self, script: Script, arguments: Sequence[Argument]) -> DurableAnswer:
        """Run the script with the next batch, and wait until it is durable, for at most `WAIT_S`.

        Raises:
            LostAnswerError: the script may have run.
            RedisError: any other error means that it has not.
        """
        write = _Write(script, arguments, asyncio.get_running_loop().create_future())
        self._queue.add(write)
        return await write.answer

    def error(self, *, may_run: bool) -> NotDurableError:
        """Return the error for a job that did not become durable."""
        return NotDurableError(self._place, WAIT_S, may_run=may_run)

    async def _send(self, batch: Sequence[_Write]) -> None:
        try:
            unknown = await self._send_batch(batch, by_name=True)
            if unknown:
                await self._check_version()
                await self._send_batch(unknown, by_name=False)
        except Exception as error:  # noqa: BLE001 - it is raised to the callers
            for write in batch:
                if not write.answer.done():
                    write.answer.set_exception(copy(error))

    async def _send_batch(self, batch: Sequence[_Write], *, by_name: bool) -> Sequence[_Write]:
        """Send a batch, and return those whose scripts the server does not know."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for script, arguments, _ in batch:
                pipeline.execute_command(*script.command(self._client, by_name=by_name), *arguments)
            # A wait is for the last write of its own connection, and a script may have found what another one wrote.
            pipeline.set(key_name(self._client, READY), "1", px=READY_MS)
            pipeline.execute_command(*self._wait)
            # Taken here, so that a failure to connect is known to have sent nothing.
            pipeline.connection = await self._client.connection_pool.get_connection()
            *answers, _, waited = await _answers(pipeline)
        is_durable = _count(waited) >= 1
        unknown = []
        for write, answer in zip(batch, answers, strict=True):
            if by_name and isinstance(answer, NoScriptError):
                unknown.append(write)
            elif write.answer.done():  # the caller was cancelled
                continue
            elif isinstance(answer, RedisError):
                write.answer.set_exception(copy(answer))
            else:
                write.answer.set_result(DurableAnswer(answer, is_durable))
        return unknown

    async def _check_version(self) -> None:
        try:
            info: dict[str, Any] = await self._client.info("server")  # Any: as redis-py parses it
        except ResponseError:
            return
        check_version(info)


async def _answers(pipeline: Pipeline) -> list[Any]:  # Any: as the scripts return them
    try:
        return await pipeline.execute(raise_on_error=False)
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        if fault_code(error):  # the server says that it is still loading its data
            raise
        raise LostAnswerError(str(error)) from error


def _count(waited: object) -> int:
    """Return how many have the writes: WAIT answers with their number, WAITAOF with [this server or not, replicas]."""
    match waited:
        case int():
            return waited
        case [int(local), *_]:
            return local
    return 0
