"""`aether api` without one part of it; takes the name of the part, then the arguments of the API."""

import asyncio
import sys

from typing_extensions import override

from aether.api.jobs.response_cache import ResponseCache
from aether.cli.commands.main import main
from aether.server import protocol


class _DirectTransport(asyncio.Transport):
    """The transport of one response, where head and body are sent one after the other."""

    def __init__(self, connection: protocol.Protocol) -> None:
        super().__init__()
        self._connection = connection
        self.write = connection.transport.write  # type: ignore[method-assign]  # no call more than without this class

    @override
    def is_closing(self) -> bool:
        return self._connection.transport.is_closing()

    @override
    def close(self) -> None:
        self._connection.leave()


def _remove(part: str) -> None:
    match part:
        case "write coalescing":
            protocol._Answer = _DirectTransport  # type: ignore[assignment, misc]  # noqa: SLF001 - there is no seam
        case "response cache":
            ResponseCache.__init__.__defaults__ = (0,)  # bytes that it may hold
        case "nothing":
            pass
        case _:
            raise SystemExit(f"unknown part: {part}")


if __name__ == "__main__":
    _remove(sys.argv.pop(1))
    main()
