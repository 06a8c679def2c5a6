"""What schemathesis takes for a failure, and is none; it loads this file by itself."""

import json
import re
from typing import Any, TypeAlias

import schemathesis
from schemathesis.core.failures import Failure, MalformedJson
from schemathesis.openapi.checks import RejectedPositiveData

Case: TypeAlias = schemathesis.Case
Response: TypeAlias = schemathesis.Response

_REUSED = "urn:aether:problem:idempotency-key-reused"
_BROKEN = "urn:aether:problem:invalid-field"
_OF_THE_MACHINE = "urn:aether:problem:missing-font"

# Rules between fields, or with what is stored, which no schema can tell.
_OF_NO_SCHEMA = re.compile(
    r"fromReport: must be the id of a report .*"
    r"|template: must name a template .*"
    r"|variables: must not be given without a template"
    r"|variables\..*: (is no variable of|is required by|leads to) .*"
    r"|(outline|sections): must not be given with a template.*"
    r"|(sections\[\d+\]|defaults)\.\w+: (uses the variable|has \{\{|is only for|must not stand there twice).*"
    r"|sections: must have at least one section that is written .*"
    r"|freeSections\.(min|max|after): must be at (least|most) .*",
    re.DOTALL,
)

# What each Idempotency-Key stands for: the path and the body that were accepted under it last.
_accepted: dict[str, tuple[str, object]] = {}


@schemathesis.hook
def after_call(_: object, __: Case, response: Response) -> None:
    """Note what was accepted."""
    key = _key_of(response)
    if key is not None and response.request.method == "POST" and response.status_code < 300:
        _accepted[key] = _asked(response)


@schemathesis.hook
def filter_failure(_: object, failure: Failure, __: Case, response: Response) -> bool:
    """Keep a failure, unless a request is refused for what no schema can tell, or a part of a file is read as JSON."""
    if isinstance(failure, MalformedJson):
        return response.status_code != 206
    if not isinstance(failure, RejectedPositiveData):
        return True
    if _type_of(response) == _OF_THE_MACHINE:
        return False
    if _type_of(response) == _BROKEN:
        errors = response.json()["errors"]
        return not all(_OF_NO_SCHEMA.fullmatch(f"{each['field']}: {each['rule']}") for each in errors)
    reused = _type_of(response) == _REUSED
    return not (reused and _accepted.get(_key_of(response) or "", _asked(response)) != _asked(response))


def _key_of(response: Response) -> str | None:
    """Return the key of the request that was answered, which may be quoted (RFC 8941, 3.3.3)."""
    given = response.request.headers.get("Idempotency-Key")
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text and text.startswith('"') else text


def _asked(response: Response) -> tuple[str, Any]:  # Any: JSON
    body = response.request.body
    return str(response.request.path_url), json.loads(body) if body else None


def _type_of(response: Response) -> object:
    return response.json().get("type") if response.status_code == 422 else None
