"""Request: strict decoding of JSON bodies."""

import re
from functools import cache
from types import NoneType
from typing import Any, get_args

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, InternalServerException
from litestar.typing import FieldDefinition

from aether.api.http.request_errors import MalformedBodyError, UnsupportedBodyError
from aether.api.http.validation_errors import body_error
from aether.errors import FieldError

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
            FieldError: the body breaks a rule.
        """
        content_type = self.headers.get("Content-Type", "")
        if not _JSON.fullmatch(content_type):
            raise UnsupportedBodyError(content_type)
        return decode(await self.body(), _body_type(self.route_handler.parsed_fn_signature.parameters["data"]))


def decode(body: bytes, body_type: Any) -> object:  # Any: msgspec takes types of every form
    """Decode JSON strictly.

    Raises:
        MalformedBodyError: the body is not JSON in UTF-8.
        FieldError: the first rule that the body breaks, with the field's name on the wire; `$` is the whole body.
    """
    try:
        return _decode(body, body_type)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, FieldError):
            raise error.__cause__ from None
        raise body_error(str(error), body_type) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBodyError("The body is not valid JSON in UTF-8.") from error


def _decode(body: bytes, body_type: Any) -> object:  # Any: as above
    try:
        return _decoder(body_type).decode(body)
    except msgspec.ValidationError as error:
        if "Expected `int`, got `float`" not in str(error):
            raise
        return msgspec.convert(_with_whole_numbers(msgspec.json.decode(body)), body_type)


def _with_whole_numbers(json: Any) -> Any:  # Any: JSON
    """Convert 2.0 to 2: JSON Schema treats them as the same number, msgspec as a float and an int."""
    match json:
        case float() if json.is_integer():
            return int(json)
        case dict():
            return {name: _with_whole_numbers(value) for name, value in json.items()}
        case list():
            return [_with_whole_numbers(value) for value in json]
    return json


def _body_type(data: FieldDefinition) -> Any:  # Any: as above
    """Return the type of a body that is present: an optional body may be absent, but not null."""
    types = (each for each in get_args(data.annotation) if each is not NoneType)
    return next(types) if data.is_optional else data.annotation


@cache
def _decoder(body_type: Any) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(body_type)
