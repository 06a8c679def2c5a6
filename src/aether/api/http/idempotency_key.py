"""Idempotency key: the header that makes a POST safe to repeat (draft-ietf-httpapi-idempotency-key-header-07)."""

import re
from collections.abc import Sequence
from typing import Annotated

from litestar.params import HeaderParameter

from aether.errors import FieldError

IDEMPOTENCY_KEY = "Idempotency-Key"

_KEY = re.compile(r"[!-~]{1,255}")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")
_DESCRIPTION = """Makes this request safe to repeat. The key is a name that you choose for this one request, such as a
new UUID: 1 to 255 visible ASCII characters, with or without quotes. Repeating the same body with the same key returns
the first answer, whatever has happened to the job since, and creates no second job; another body is rejected. Other
callers' keys are separate from yours. A key is kept for as long as its job."""

_PATTERN = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'

IdempotencyKey = Annotated[
    str | None, HeaderParameter(name=IDEMPOTENCY_KEY, description=_DESCRIPTION, schema_extra={"pattern": _PATTERN})
]


def parse_idempotency_key(lines: Sequence[str]) -> str:
    r"""Return the key from the lines of its header: a string of RFC 8941, `"a\"b"`, or the bare text, `a"b`.

    Raises:
        FieldError: it is not a valid key, or there are several lines.
    """
    if len(lines) != 1:
        raise FieldError(IDEMPOTENCY_KEY, "must be given only once")
    text = lines[0].strip(" \t")
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        text = _ESCAPED.sub(r"\1", quoted[1]) if quoted else ""
    if not _KEY.fullmatch(text):
        raise FieldError(IDEMPOTENCY_KEY, "must be 1 to 255 visible ASCII characters, in quotes or bare")
    return text
