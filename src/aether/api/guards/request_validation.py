"""Request validation guards: reject hosts and job ids that the framework would accept or misread."""

import re
from functools import lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler

from aether.errors import UnknownJobError

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]  # Any: the user, the credentials and the state are not used

_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HOST = re.compile(r"(?:[\w.-]+|\[[\w:.%]+\])(?::\d*)?", re.ASCII)


async def check_host(connection: Connection, _: BaseRouteHandler) -> None:
    """Check the `Host` header, because responses contain URLs with it (RFC 9110, 7.2).

    Raises:
        ClientException: it is not a host name or address.
    """
    host = connection.headers.get("Host", "")
    if host and not _is_host(host):
        raise ClientException("The Host header names no host.")


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    try:
        # It raises if the port is out of range.
        _ = urlsplit(f"//{host}").port
    except ValueError:
        return False
    return _HOST.fullmatch(host) is not None


async def check_job_id(connection: Connection, _: BaseRouteHandler) -> None:
    """Check the form of the job's id, so that the store is not asked for others, and bind `job_id` to the log.

    Raises:
        UnknownJobError: the id does not have the form of a job's id.
    """
    for job_id in list(connection.path_params.values())[:1]:
        if not _JOB_ID.fullmatch(job_id):
            raise UnknownJobError(job_id)
        structlog.contextvars.bind_contextvars(job_id=job_id)
