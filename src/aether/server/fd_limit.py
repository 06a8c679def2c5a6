"""fd limit: raising how many file descriptors, and so connections, the system allows the process."""

import resource
from contextlib import suppress

import structlog

_OTHER_FILES = 256

log = structlog.get_logger()


def raise_fd_limit(connections: int) -> None:
    """Raise the limit to what this many connections need, as far as the system allows; warn if that is too little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # macOS rejects some values below its own hard limit.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        log.warning("api.few_connections", allowed=max(0, soft - _OTHER_FILES), wanted=connections)
