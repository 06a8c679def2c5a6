"""fd limit: how many file descriptors, and so connections, the system allows the process."""

import resource
from contextlib import suppress

import structlog

from aether.server.connection_limit import MAX_SURPLUS

_OTHER_FILES = 256
_MIN_OTHER_FILES = 96
"""For the store, name lookups, files and logs, where the system allows only a few hundred descriptors."""

log = structlog.get_logger()


def raise_fd_limit(connections: int) -> int:
    """Raise the limit to what this many connections need, as far as the system allows.

    Returns how many of them can be served at the same time, and warns if these are not all. The rest of the
    descriptors is reserved for the process itself, and for connections beyond the limit until they are rejected.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # macOS rejects some values below its own hard limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    served = min(connections, _served(soft))
    if served < connections:
        log.warning("api.few_connections", allowed=served, wanted=connections)
    return served


def _served(descriptors: int) -> int:
    """Return for how many connections this many descriptors are enough."""
    return max(descriptors - _MIN_OTHER_FILES - MAX_SURPLUS, descriptors // 4)
