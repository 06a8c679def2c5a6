"""Job submission: what a handler that creates a job passes to the service."""

import msgspec

from aether.api.guards.authentication import caller_of
from aether.api.http.idempotency_key import IDEMPOTENCY_KEY, parse_idempotency_key
from aether.api.http.problems import AnyRequest
from aether.domain.struct_fields import as_struct
from aether.services.admission import Admission


def admission_of(request: AnyRequest, idempotency_key: str | None) -> Admission:
    """Return who submits a job, and the idempotency key.

    Raises:
        FieldError: the request's header is not a key.
    """
    caller = caller_of(request)
    # Of several header lines, the handler's argument is only one.
    key = None if idempotency_key is None else parse_idempotency_key(request.headers.getall(IDEMPOTENCY_KEY))
    return Admission(caller.owner, caller.quota.jobs, key)


def serialize_request(body: msgspec.Struct, request_type: type[msgspec.Struct]) -> bytes:
    """Return the JSON that the worker reads: the fields of the domain's own request, without those that are unset."""
    return msgspec.json.encode(as_struct(request_type, body))
