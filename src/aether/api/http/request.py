"""Request: strict decoding of JSON bodies."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType
from typing import Any, get_args

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, InternalServerException
from litestar.typing import FieldDefinition

from aether.api.http.body_rules import broken_rules
from aether.api.http.json_text import malformed_body, repeats_a_name, with_whole_numbers
from aether.api.http.request_errors import UnsupportedBodyError
from aether.api.http.validation_errors import body_error
from aether.errors import FieldError

BODY_READERS = "body_readers"
"""The option with which a handler takes bodies that are not JSON: functions, by media type, that return its `data`."""
BodyReader = Callable[[bytes], object]

_JSON = re.compile(r"\s*application/(?:json|[\w.-]+\+json)\s*(?:;.*)?", re.IGNORECASE)


class StrictRequest(Request[Any, Any, Any]):  # Any: the user, the credentials and the state, none of which it reads
    """A request that decodes its body straight into the type of the handler's `data`.

    Litestar's own request would accept any content type, convert "3" to 3, and report the names of Python's fields.
    """

    async def body(self) -> bytes:
        """Return the whole body; one that the client did not finish is the client's error."""
        try:
            return await super().body()
        except InternalServerException as error:
            raise ClientException("The body ended before it was complete.") from error

    async def json(self) -> object:
        """Return the decoded body; called only if the handler takes one.

        Raises:
            UnsupportedBodyError: the content type is not JSON.
            MalformedBodyError: the body is not JSON.
            FieldError: the body breaks rules.
        """
        content_type = self.headers.get("Content-Type", "")
        readers: Mapping[str, BodyReader] = self.route_handler.opt.get(BODY_READERS, {})
        if read := readers.get(content_type.partition(";")[0].strip().lower()):
            return read(await self.body())
        if not _JSON.fullmatch(content_type):
            raise UnsupportedBodyError(content_type, ("application/json", *readers))
        return decode(await self.body(), _body_type(self.route_handler.parsed_fn_signature.parameters["data"]))


def decode(body: bytes, body_type: Any) -> object:  # Any: msgspec takes types of every form
    """Decode JSON strictly.

    Raises:
        MalformedBodyError: the body is not JSON in UTF-8.
        FieldError: the rules that the body breaks, with the fields' names on the wire; `$` is the whole body.
    """
    try:
        decoded = _decoder(body_type).decode(body)
    except msgspec.ValidationError as error:
        return _decode_whole_numbers(body, body_type, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if body.startswith(BOM_UTF8):
            return decode(body.removeprefix(BOM_UTF8), body_type)
        raise malformed_body(body, error) from error
    if repeats_a_name(body):
        raise FieldError.of(broken_rules(body, body_type))
    return decoded


def _decode_whole_numbers(body: bytes, body_type: Any, first: msgspec.ValidationError) -> object:  # Any: as above
    """Decode a body that breaks a rule, unless it is only that whole numbers are written as 2.0."""
    try:
        errors = broken_rules(body, body_type)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        # What follows the broken rule is not even JSON.
        raise malformed_body(body, error) from error
    except (ValueError, RecursionError):
        errors = [body_error(str(first), body_type)]
    if errors:
        raise FieldError.of(errors) from first
    return msgspec.convert(with_whole_numbers(msgspec.json.decode(body)), body_type)


def _body_type(data: FieldDefinition) -> Any:  # Any: as above
    """Return the type of a body that is present: an optional body may be absent, but not null."""
    types = (each for each in get_args(data.annotation) if each is not NoneType)
    return next(types) if data.is_optional else data.annotation


@cache
def _decoder(body_type: Any) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(body_type)
