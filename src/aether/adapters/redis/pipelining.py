"""Commands of many callers in one round trip."""

import asyncio
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import DataError
from typing_extensions import override

# One batch is executed while another one is read and a third is made up; longer ones leave both sides waiting.
_BATCHES = 3
_LONGEST = 16


class _Asked(NamedTuple):
    command: tuple[Any, ...]  # of whatever redis-py takes
    options: dict[str, Any]
    answer: "asyncio.Future[Any]"


class PipeliningRedis(Redis):
    """Sends what is asked in one turn of the event loop together, each with an answer of its own.

    Under load most of what redis-py costs is for each round trip: a connection of the pool, three timeouts, a write, a
    read. Some batches are under way at a time; what comes meanwhile makes up the next. Connections, timeouts and tries
    are the pool's. Where a batch finds no server, whoever waits behind it is told so, too: each would wait as long.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # as redis-py has it
        super().__init__(*arguments, **options)
        self._waiting: list[_Asked] = []
        self._sending: set[asyncio.Task[None]] = set()

    @override
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command with the next batch."""
        loop = asyncio.get_running_loop()
        asked = _Asked(args, options, loop.create_future())
        self._waiting.append(asked)
        if len(self._waiting) == 1:
            loop.call_soon(self._send_next)
        return await asked.answer

    def _send_next(self) -> None:
        if not self._waiting or len(self._sending) >= _BATCHES:
            return
        batch, self._waiting = self._waiting[:_LONGEST], self._waiting[_LONGEST:]
        task = asyncio.create_task(self._send(batch))
        self._sending.add(task)
        task.add_done_callback(self._sent)
        self._send_next()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._send_next()

    async def _send(self, batch: Sequence[_Asked]) -> None:
        pipeline = self.pipeline(transaction=False)
        for command, options, _ in batch:
            pipeline.execute_command(*command, **options)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (DataError, TypeError, ValueError):
            # One of them cannot be written, and none was.
            answers = await asyncio.gather(*(self._send_alone(asked) for asked in batch), return_exceptions=True)
        except Exception as error:  # noqa: BLE001 - it is raised where the answers are waited for
            late, self._waiting = self._waiting, []
            answers = [error] * len(batch)
            _tell(late, [error] * len(late))
        _tell(batch, answers)

    async def _send_alone(self, asked: _Asked) -> Any:
        return await super().execute_command(*asked.command, **asked.options)  # type: ignore[no-untyped-call]  # so it is in redis-py


def _tell(batch: Sequence[_Asked], answers: Sequence[Any]) -> None:
    for (_, _, answer), told in zip(batch, answers, strict=True):
        if answer.done():  # whoever asked has left
            continue
        if isinstance(told, Exception):
            # A traceback of each one's own.
            answer.set_exception(copy(told))
        else:
            answer.set_result(told)
