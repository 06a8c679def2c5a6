"""Request validation guards: reject hosts, job ids and query parameters that the framework would accept or misread."""

import re
from functools import cache, lru_cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from aether.errors import FieldError, UnknownJobError

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


async def check_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Check for parameters that Litestar would misread: it takes the last of several values, and `null` as None.

    Raises:
        FieldError: for the first such parameter.
    """
    if not connection.scope["query_string"]:
        return
    query = connection.query_params
    for name, field in _query_parameters(handler).items():
        values = query.getall(name, [])
        if len(values) > 1:
            raise FieldError(name, "must be given only once")
        # For a string, "null" is an ordinary value.
        if "null" in map(str.lower, values) and field.is_optional and not field.has_inner_subclass_of(str):
            raise FieldError(name, "must not be null")


@cache
def _query_parameters(handler: BaseRouteHandler) -> dict[str, FieldDefinition]:
    """Return the query parameters that the handler and its dependencies declare."""
    signature = handler.parsed_fn_signature
    dependencies = [
        each.parsed_fn_signature
        for name, each in handler.resolve_dependencies().items()
        if name in signature.parameters
    ]
    fields = [field for each in (signature, *dependencies) for field in each.parameters.values()]
    return {field.name: field for field in fields if isinstance(field.kwarg_definition, QueryParameter)}
