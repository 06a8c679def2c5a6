"""A POST that is sent again: the key by which it is known (draft-ietf-httpapi-idempotency-key-header-07)."""

import re
from collections.abc import Sequence
from typing import Annotated

from litestar.params import HeaderParameter

from aether.api.guards.authentication import caller_of
from aether.api.http.problems import AnyRequest
from aether.errors import FieldError
from aether.services.admission import Admission

_NAME = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")
_DESCRIPTION = """Makes it safe to send this again: a name of your choice for this one request, 1 to 255 visible ASCII
characters, in quotes or bare; a new UUID will do. Under the same key, the same body is answered as it was the first
time, whatever has become of the job since, and makes no second one; another body is refused. The key is yours alone,
and is kept for as long as the job."""

_PATTERN = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'

IdempotencyKey = Annotated[
    str | None, HeaderParameter(name=_NAME, description=_DESCRIPTION, schema_extra={"pattern": _PATTERN})
]


def admission(request: AnyRequest, idempotency_key: str | None) -> Admission:
    """Read who asks for a job, and whether for the first time."""
    caller = caller_of(request)
    key = None if idempotency_key is None else key_in(request.headers.getall(_NAME))
    return Admission(caller.owner, caller.quota.jobs, key)


def key_in(lines: Sequence[str]) -> str:
    r"""Return the key that these lines of the header hold: a string of RFC 8941, `"a\"b"`, or the text as it is, `a"b`.

    Raises:
        FieldError: it is no key, or there are several.
    """
    if len(lines) != 1:
        raise FieldError(_NAME, "must be given only once")
    text = lines[0].strip(" \t")
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        text = _ESCAPED.sub(r"\1", quoted[1]) if quoted else ""
    if not _KEY.fullmatch(text):
        raise FieldError(_NAME, "must be 1 to 255 visible ASCII characters, in quotes or bare")
    return text
