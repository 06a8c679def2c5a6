"""Name lookups for webhooks: guarded, and on threads of their own."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from aether.outbound.ssrf_policy import SsrfPolicy

_THREADS = 16

Lookup = Callable[[str, int], Sequence[str]]
"""Return the addresses of a host, or raise OSError; blocks."""


def look_up(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedResolver(AbstractResolver):
    """Resolves a name once for each connection, and hands out only what the rules let pass.

    The connection goes to one of the addresses that were judged, while `Host` and TLS go on with the name: an answer
    that changes in between is never seen. A lookup that hangs holds a thread of no one else's: the system has few for
    all lookups of a process.
    """

    def __init__(self, destinations: SsrfPolicy, lookup: Lookup = look_up) -> None:
        self._destinations = destinations
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-lookup")

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return every address of the host.

        Raises:
            RefusedDestinationError: one of them may not be called.
            OSError: there is none.
        """
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(self._threads, self._lookup, host, port)
        self._destinations.judge(host, port, addresses)
        return [_result(host, port, address) for address in addresses]

    @override
    async def close(self) -> None:
        """Let the threads go; a lookup that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004 - of IP
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
