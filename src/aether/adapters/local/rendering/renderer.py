"""Renderer of documents: hands them to child processes, which are kept for the next ones."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import structlog
from typing_extensions import override

from aether.adapters.local.rendering.messages import (
    HEADER,
    FontMissing,
    Rendered,
    RenderRequest,
    Reply,
    TooLarge,
    decode_reply,
    frame,
)
from aether.adapters.local.rendering.render_process import MAX_SECONDS
from aether.documents.errors import DocumentTooLargeError, MissingFontError, RenderingBusyError
from aether.documents.formats import FormatName
from aether.documents.manuscript import Manuscript
from aether.documents.rendering import Renderer

_MAX_PROCESSES = 2
_MAX_WAITING = 32
_MAX_DOCUMENTS = 200  # of one process, whose caches grow with them
_MODULE = "aether.adapters.local.rendering.render_process"
# Settings of the service, which may be secrets, are not for a process that reads texts of strangers.
_SECRET_PREFIXES = ("AETHER_", "OPENAI_", "REDIS_", "AWS_")

_PYTHON_FAILED = 1

log = structlog.get_logger()


class RenderingFailedError(Exception):
    """A writer has a defect; the log has its traceback."""


class _Child(NamedTuple):
    process: asyncio.subprocess.Process
    documents: int

    async def exchange(self, request: bytes) -> Reply:
        reader, writer = self.process.stdout, self.process.stdin
        if reader is None or writer is None:
            raise AssertionError(self.process)
        writer.write(request)
        await writer.drain()
        (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        return decode_reply(await reader.readexactly(length))

    async def kill(self) -> int:
        with suppress(ProcessLookupError):
            self.process.kill()
        return await self.process.wait()


class ProcessRenderer(Renderer):
    """Renders in up to two processes at a time; others wait for their turn, but not too many."""

    def __init__(self, fonts: Path | None = None, max_seconds: float = MAX_SECONDS) -> None:
        self._fonts = fonts
        self.max_seconds = max_seconds
        self._turns = asyncio.Semaphore(_MAX_PROCESSES)
        self._waiting = 0
        self._idle: list[_Child] = []

    @override
    async def render(self, manuscript: Manuscript, format_name: FormatName) -> bytes:
        """Return the file."""
        request = frame(RenderRequest(manuscript, format_name))
        async with self._turn():
            return _content(await self._exchange(request))

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The ids of the processes that wait for a document."""
        return tuple(child.process.pid for child in self._idle)

    async def close(self) -> None:
        """End the processes."""
        while self._idle:
            await self._idle.pop().kill()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= _MAX_WAITING:
            raise RenderingBusyError
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _exchange(self, request: bytes) -> Reply:
        child = self._idle.pop() if self._idle else await self._start()
        try:
            reply = await asyncio.wait_for(child.exchange(request), self.max_seconds)
        except TimeoutError as error:
            await child.kill()
            raise DocumentTooLargeError(f"The document takes longer than {self.max_seconds:g} s.") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            status = await child.kill()
            log.warning("document.renderer_died", status=status)
            if child.documents:  # it may have been killed while it waited
                return await self._exchange(request)
            if status == _PYTHON_FAILED:
                raise RenderingFailedError from error
            # Killed by a signal: what asks the system for too much memory ends so.
            raise DocumentTooLargeError("The document takes more memory than it may.") from error
        except BaseException:
            await child.kill()
            raise
        if child.documents + 1 < _MAX_DOCUMENTS:
            self._idle.append(child._replace(documents=child.documents + 1))
        else:
            await child.kill()
        return reply

    async def _start(self) -> _Child:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _MODULE, *([str(self._fonts)] if self._fonts else [])),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith(_SECRET_PREFIXES)},
            start_new_session=True,  # Ctrl-C is for the parent, which ends this process in its own order
        )
        return _Child(process, 0)


def _content(reply: Reply) -> bytes:
    match reply:
        case Rendered():
            return reply.content
        case FontMissing():
            raise MissingFontError(reply.scripts, reply.fonts, reply.examples)
        case TooLarge():
            raise DocumentTooLargeError(reply.message)
    log.error("document.rendering_failed", traceback=reply.traceback)
    raise RenderingFailedError
