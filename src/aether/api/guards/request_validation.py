"""What is refused of every request, whatever it asks for: parts of it that would be taken for something else."""

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

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]  # Any: it reads nothing that these stand for

_JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HOST = re.compile(r"(?:[\w.-]+|\[[\w:.%]+\])(?::\d*)?", re.ASCII)


async def check_host(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse a Host that names no host; answers would carry addresses made of it (RFC 9110, 7.2).

    Raises:
        ClientException: it names none.
    """
    host = connection.headers.get("Host", "")
    if host and not _is_host(host):
        raise ClientException("The Host header names no host.")


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    try:
        # Read only for what it raises: a port that no server can have.
        _ = urlsplit(f"//{host}").port
    except ValueError:
        return False
    return _HOST.fullmatch(host) is not None


async def check_job_id(connection: Connection, _: BaseRouteHandler) -> None:
    """Name the job in every line of the log; an id of another form than ours is unknown without a look.

    Raises:
        UnknownJobError: it has another form.
    """
    for job_id in list(connection.path_params.values())[:1]:
        if not _JOB_ID.fullmatch(job_id):
            raise UnknownJobError(job_id)
        structlog.contextvars.bind_contextvars(job_id=job_id)


async def check_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse what Litestar would read in its own way: of a parameter given twice the last, and `null` as None.

    Raises:
        FieldError: names the first such parameter.
    """
    if not connection.scope["query_string"]:
        return
    query = connection.query_params
    for name, field in _declared(handler).items():
        values = query.getall(name, [])
        if len(values) > 1:
            raise FieldError(name, "must be given only once")
        # To a string the word is a word.
        if "null" in map(str.lower, values) and field.is_optional and not field.has_inner_subclass_of(str):
            raise FieldError(name, "must not be null")


@cache
def _declared(handler: BaseRouteHandler) -> dict[str, FieldDefinition]:
    """Return the parameters of the query that the handler or what it depends on declares."""
    own = handler.parsed_fn_signature
    needed = [
        each.parsed_fn_signature for name, each in handler.resolve_dependencies().items() if name in own.parameters
    ]
    fields = [field for each in (own, *needed) for field in each.parameters.values()]
    return {field.name: field for field in fields if isinstance(field.kwarg_definition, QueryParameter)}
