"""DNS lookups for webhooks: checked by the SSRF policy, in a thread pool of their own."""

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
"""A blocking function that returns the addresses of a host, or raises OSError."""


def lookup_host(host: str, port: int) -> list[str]:
    """Look up a host with the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedResolver(AbstractResolver):
    """Resolves a host once for each connection, and returns only addresses that the SSRF policy allows.

    The connection goes to one of the checked addresses, while `Host` and TLS use the name, so that DNS rebinding has no
    effect. Lookups have their own threads: one that hangs must not block the default pool, which other code shares.
    """

    def __init__(self, policy: SsrfPolicy, lookup: Lookup = lookup_host) -> None:
        self._policy = policy
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-lookup")

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return every address of the host.

        Raises:
            RefusedDestinationError: one of them must not be called.
            OSError: the host has no address.
        """
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(self._threads, self._lookup, host, port)
        self._policy.check_addresses(host, port, addresses)
        return [_result(host, port, address) for address in addresses]

    @override
    async def close(self) -> None:
        """Release the threads, without waiting for lookups that hang."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004 - of IP
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )
